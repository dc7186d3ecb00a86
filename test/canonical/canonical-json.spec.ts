import { readFileSync } from "node:fs";
import { join } from "node:path";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalBytes, canonicalText } from "../../src/canonical/canonical-json.ts";
import { vectors } from "../support/samples.ts";

const folder = vectors();

describe.skipIf(!folder)("the vectors of the RFC's author", () => {
  for (const name of ["arrays", "french", "structures", "unicode", "values", "weird"]) {
    it(`gives the bytes of ${name}`, () => {
      const file = (form: string, ending: string) =>
        readFileSync(join(folder!, "cyberphone-jcs/testdata", form, name + ending), "utf8");
      const input: unknown = JSON.parse(file("input", ".json"));
      const bytes = Buffer.from(canonicalBytes(input));
      expect(bytes.toString("utf8")).toBe(file("output", ".json"));
      expect(bytes.toString("hex")).toBe(file("outhex", ".txt").replace(/\s/g, ""));
    });
  }
});

describe("canonical JSON", () => {
  const json = fc.jsonValue({ stringUnit: "binary", maxDepth: 4 });

  it("means the same value, and is its own canonical form", () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalText(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalText(JSON.parse(text))).toBe(text);
      }),
    );
  });

  it("does not depend on the order in which members were added", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(fc.string({ unit: "binary" }), json), { selector: ([key]) => key }), (members) => {
        expect(canonicalText(Object.fromEntries(members.toReversed()))).toBe(canonicalText(Object.fromEntries(members)));
      }),
    );
  });

  it("orders keys by UTF-16 code units, wherever they came in and whatever they look like", () => {
    const awkward = fc.constantFrom("", "0", "10", "9", "__proto__", "\u{1F600}", "\uE000", "\uFFFF", "é", "Z", "a");
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(awkward, fc.string({ unit: "binary" }))), (keys) => {
        const value: unknown = JSON.parse(`{${keys.map((key) => `${JSON.stringify(key)}:0`).join()}}`);
        const expected = keys.toSorted(byCodeUnits).map((key) => `${JSON.stringify(key)}:0`);
        expect(canonicalText(value)).toBe(`{${expected.join()}}`);
      }),
    );
  });

  it("puts a surrogate pair before U+E000, which code points would not", () => {
    expect(canonicalText({ "\uE000": 1, "\u{10000}": 2 })).toBe('{"\u{10000}":2,"\uE000":1}');
  });

  it("gives what the package gives, by whichever way", () => {
    const key = fc.oneof(fc.constantFrom("", "0", "10", "9", "__proto__", "toJSON", "-", "a", "Z"), fc.string({ maxLength: 3 }));
    const leaf = fc.oneof(json, fc.constant(undefined), fc.constant("\\ud800"), fc.date({ noInvalidDate: true }));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(key, tie("value"), { maxKeys: 6 }),
      ),
    }));
    fc.assert(fc.property(value, (one) => void expect(canonicalText([one])).toBe(canonicalize([one]))));
  });

  it("refuses lone surrogates in texts and in keys", () => {
    const lone = fc.integer({ min: 0xd800, max: 0xdfff }).map((unit) => String.fromCharCode(unit));
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(text, lone, text, (before, surrogate, after) => {
        // Around it stand whole characters, so it stays alone.
        const broken = before + surrogate + after;
        expect(() => canonicalText(broken)).toThrow();
        expect(() => canonicalText({ [broken]: 1 })).toThrow();
        expect(() => canonicalText([{ note: broken }])).toThrow();
      }),
    );
  });

  it("prints numbers as ECMAScript does, and has no negative zero", () => {
    expect(canonicalText([-0, 1e21, 1e-7, 0.1 + 0.2, 1 / 3])).toBe("[0,1e+21,1e-7,0.30000000000000004,0.3333333333333333]");
  });

  it("refuses what JSON can't carry", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const value of [NaN, Infinity, [-Infinity], undefined, cycle, { big: 1n }]) expect(() => canonicalText(value)).toThrow();
  });

  it("leaves out members that are undefined", () => {
    expect(canonicalText({ b: undefined, a: 1 })).toBe('{"a":1}');
  });

  it("takes any depth", () => {
    const depth = 20_000;
    expect(canonicalText(JSON.parse("[".repeat(depth) + "]".repeat(depth)))).toHaveLength(2 * depth);
  });

  it("gives the UTF-8 bytes of the text", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect([...canonicalBytes(value)]).toEqual([...new TextEncoder().encode(canonicalText(value))]);
      }),
    );
  });
});

function byCodeUnits(a: string, b: string): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a.charCodeAt(index) !== b.charCodeAt(index)) return a.charCodeAt(index) - b.charCodeAt(index);
  }
  return a.length - b.length;
}
