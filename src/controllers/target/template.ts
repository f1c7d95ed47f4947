import { isUtf8 } from 'node:buffer';
import { Context, Liquid, LiquidError, type Emitter, type FilterImplOptions } from 'liquidjs';
import { KeysteadError } from '../../api/error.ts';
import { FilterError, filters, textOf, type Charge } from './filters.ts';

/**
 * LiquidJS, taken down to what is harmless: templates are written by tenants and run inside the operator.
 *
 * No tag reads another template, every filter is from our own list, only own properties are seen, whatever is undefined
 * is an error, and everything is counted: text of templates, time, and every character that is written or made. It gets
 * the fields of one value, and no client of anything.
 */

export interface TemplateLimits {
  /** Characters of all templates of a Secret together. */
  readonly source: number;
  /** Milliseconds for all of them. */
  readonly milliseconds: number;
  /** Characters written or made on the way, and list elements, for all of them. */
  readonly units: number;
}

export const templateLimits: TemplateLimits = { source: 65_536, milliseconds: 250, units: 4 * 1024 ** 2 };

/** Tags beyond these are removed; the ones that load templates (include, render, layout) among them. */
const TAGS: ReadonlySet<string> = new Set(['assign', 'break', 'capture', 'case', 'comment', 'continue', 'for', 'if', 'raw', 'unless']);

/** Messages of LiquidJS's limiters; it gives their errors no other mark. */
const TIME_LIMIT = /^template render limit exceeded/;
const MEMORY_LIMIT = /^memory alloc limit exceeded/;

/** A slow template is tried again, seldom: the machine, not the template, may have been slow. */
const SLOW_AGAIN_MS = 5 * 60_000;

/** Counts what is printed, as LiquidJS itself does not: a loop in a `capture` could fill the heap within its time. */
class CountingEmitter implements Emitter {
  buffer = '';
  readonly #charge: Charge;

  constructor(charge: Charge) {
    this.#charge = charge;
  }

  write(value: unknown): void {
    this.buffer += textOf(this.#charge, value);
  }
}

function createEngine(): Liquid {
  const engine = new Liquid({
    // Lookups would go to this map; with the tags removed there is none.
    templates: {},
    globals: Object.create(null),
    ownPropertyOnly: true,
    strictVariables: true,
    strictFilters: true,
    // `default`, `if` and `unless` may ask for what is not there.
    lenientIf: true,
    cache: false,
  });
  for (const name of Object.keys(engine.tags)) {
    if (!TAGS.has(name)) delete engine.tags[name];
  }
  for (const name of Object.keys(engine.filters)) engine.unregisterFilter(name);
  for (const [name, filter] of Object.entries(filters)) {
    const handler: FilterImplOptions = function handler(value, ...args) {
      return filter((units) => this.context.memoryLimit.use(units), value, ...args);
    };
    engine.registerFilter(name, handler);
  }
  const { renderer } = engine;
  const renderTemplates = renderer.renderTemplates.bind(renderer);
  renderer.renderTemplates = (templates, context, emitter) =>
    renderTemplates(templates, context, emitter ?? new CountingEmitter((units) => context.memoryLimit.use(units)));
  return engine;
}

/**
 * Renders the templates of one Secret, which share one allowance. Synchronous, and never longer than the limits say, so
 * it needs no thread of its own.
 */
export class Templates {
  readonly #engine = createEngine();
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #binary: readonly string[];
  readonly #context: Context;
  readonly #limits: TemplateLimits;
  #source: number;

  /** @param fields the fields of the value; those that are not UTF-8 text cannot be used in templates */
  constructor(fields: ReadonlyMap<string, Buffer>, limits: TemplateLimits = templateLimits) {
    const texts = [...fields].filter(([, bytes]) => isUtf8(bytes)).map(([name, bytes]): [string, string] => [name, bytes.toString('utf8')]);
    this.#binary = [...fields].filter(([, bytes]) => !isUtf8(bytes)).map(([name]) => name);
    const all: Record<string, unknown> = nullObject(texts);
    // A field named `fields` is found under its own name inside.
    this.#fields = nullObject([...texts, ['fields', all]]);
    this.#limits = limits;
    this.#source = limits.source;
    this.#context = new Context({}, this.#engine.options, { sync: true, renderLimit: limits.milliseconds, memoryLimit: limits.units }, { liquid: this.#engine });
  }

  /**
   * @param where which key it is the template of, for messages
   * @throws KeysteadError TemplateInvalid or TemplateLimitExceeded, with the key and never a value
   */
  render(where: string, template: string): string {
    this.#source -= template.length;
    if (this.#source < 0) throw tooMuch(where, `all templates together may have ${this.#limits.source} characters`);
    try {
      const rendered: unknown = this.#engine.renderSync(this.#engine.parse(template), this.#context.spawn(this.#fields));
      return typeof rendered === 'string' ? rendered : '';
    } catch (error) {
      throw this.#explain(where, error);
    }
  }

  #explain(where: string, error: unknown): KeysteadError {
    // Too deep a nesting ends as RangeError, in the parser or in the renderer.
    if (error instanceof RangeError) return tooMuch(where, 'it is nested too deeply');
    const cause = LiquidError.is(error) ? error.originalError : undefined;
    // Between two nodes the limits are not wrapped in an error of the engine.
    const message = cause?.message ?? (error instanceof Error ? error.message : '');
    if (MEMORY_LIMIT.test(message)) return tooMuch(where, `it makes more than ${this.#limits.units} characters or list elements on the way`);
    if (TIME_LIMIT.test(message)) return tooSlow(where, this.#limits.milliseconds);
    if (!LiquidError.is(error)) return invalid(where, 'it cannot be rendered');
    const { line, column } = positionOf(error);
    const at = `line ${line}, column ${column}`;
    if (cause instanceof RangeError) return tooMuch(where, `${at} is nested too deeply`);
    if (cause instanceof FilterError) return invalid(where, `a filter at ${at} ${cause.message}`);
    if (error.name === 'UndefinedVariableError') return this.#undefinedVariable(where, at, error);
    // Errors of the parser speak of the template alone; those of rendering may speak of values.
    const parsing = error.name === 'ParseError' || error.name === 'TokenizationError';
    return invalid(where, parsing ? error.message.slice(0, 200) : `it cannot be rendered at ${at}`);
  }

  #undefinedVariable(where: string, at: string, error: LiquidError): KeysteadError {
    const name = /^undefined variable: ([^,]{1,100})/.exec(error.message)?.[1] ?? '';
    if (this.#binary.includes(name.replace(/^fields\./, ''))) {
      return invalid(where, `the field ${name} at ${at} is not UTF-8 text, and a template cannot print bytes`);
    }
    const known = Object.keys(this.#fields).filter((field) => field !== 'fields').slice(0, 20);
    return invalid(where, `there is no field ${name} (${at}); the value has ${known.length === 0 ? 'none' : known.join(', ')}`);
  }
}

function nullObject(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) object[key] = value;
  return object;
}

function positionOf(error: LiquidError): { readonly line: number; readonly column: number } {
  const [line = 0, column = 0] = error.token.getPosition();
  return { line, column };
}

function invalid(where: string, why: string): KeysteadError {
  return new KeysteadError('TemplateInvalid', `The template of ${where} is not usable: ${why}. Correct spec.target.template.`, 'stalled');
}

function tooMuch(where: string, why: string): KeysteadError {
  return new KeysteadError('TemplateLimitExceeded', `The template of ${where} takes too much: ${why}. Make spec.target.template simpler.`, 'stalled');
}

function tooSlow(where: string, milliseconds: number): KeysteadError {
  const message = `The template of ${where} is still at work after ${milliseconds} ms. Make spec.target.template simpler.`;
  return new KeysteadError('TemplateLimitExceeded', message, 'wait', { retryAfterMs: SLOW_AGAIN_MS });
}
