/** From bytes to a JSON value that the schemas may look at: well-formed, shallow, without keys that reach for a prototype. */
import { isUtf8 } from "node:buffer";
import { ApiError, type FieldError } from "./problem.ts";

/**
 * @throws ApiError `malformed-json`, `json-too-deep`, or `validation-failed` naming the field for a lone surrogate or a key
 *   such as `__proto__`. Linear in the bytes.
 */
export function parseJson(bytes: Buffer, depthMax: number): unknown {
  if (!isUtf8(bytes)) throw new ApiError("malformed-json", "The body is not UTF-8.");
  const text = bytes.toString("utf8");
  refuseDepth(text, depthMax);
  const value = jsonValue(text);
  if (suspect.test(text)) refuseWithin(value);
  return value;
}

function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The engine's message quotes the text, which may be personal.
    throw new ApiError("malformed-json", "The body is not JSON.");
  }
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d];

/** Looks at the text and not at the value, so that nothing deep is ever built. */
function refuseDepth(text: string, depthMax: number): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === backslash) index += 1;
      else if (code === quote) inString = false;
    } else if (code === quote) inString = true;
    else if (code === openBrace || code === openBracket) {
      depth += 1;
      if (depth > depthMax) throw new ApiError("json-too-deep", `JSON is taken down to ${depthMax} levels.`);
    } else if (code === closeBrace || code === closeBracket) depth -= 1;
  }
}

/** Only such texts can hold what is refused: an escape may write a surrogate, or spell a key. */
const suspect = /\\u|__proto__|constructor|prototype/;
const refusedKeys = new Set(["__proto__", "constructor", "prototype"]);

function refuseWithin(value: unknown): void {
  const errors: FieldError[] = [];
  visit(value, "", errors);
  if (errors.length > 0) throw new ApiError("validation-failed", "The body holds what no schema takes.", { errors });
}

/** Recursion is bounded by the depth that was checked before. */
function visit(value: unknown, pointer: string, errors: FieldError[]): void {
  if (errors.length >= fieldErrorCountMax) return;
  if (typeof value === "string") {
    if (!value.isWellFormed()) errors.push({ in: "body", field: pointer, reason: "must not hold a lone surrogate" });
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) visit(item, `${pointer}/${index}`, errors);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const field = `${pointer}/${pointerPart(key)}`;
      if (refusedKeys.has(key)) errors.push({ in: "body", field, reason: "is not a key that is taken" });
      else if (!key.isWellFormed())
        errors.push({ in: "body", field: pointer, reason: "must not hold a lone surrogate in a key" });
      else visit(item, field, errors);
    }
  }
}

/** So many faults are told at once; a caller who sent more has other worries. */
export const fieldErrorCountMax = 20;

/** A key as part of a JSON pointer. @see RFC 6901, section 3 */
export const pointerPart = (key: PropertyKey): string => String(key).replaceAll("~", "~0").replaceAll("/", "~1").toWellFormed();
