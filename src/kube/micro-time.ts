/** metav1.MicroTime: RFC 3339 with exactly six digits of fraction; the API server refuses any other number of them. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
