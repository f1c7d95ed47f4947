/** Text of others in messages for people: quoted, on one line, and short. Names in certificates may hold anything. */

const LONGEST = 120;
const MOST = 5;

/** One text, in double quotes. */
export function shownText(text: string): string {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return JSON.stringify(short).replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '?');
}

/** The first few of several. */
export function shownTexts(texts: readonly string[]): string {
  const more = texts.length > MOST ? ` and ${texts.length - MOST} more` : '';
  return texts.slice(0, MOST).map(shownText).join(', ') + more;
}
