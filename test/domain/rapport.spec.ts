import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rapportAt, rapportDefaults, type RapportInteraction, type RapportOptions } from "../../src/domain/rapport.ts";
import { addMs, dayMs, type Instant } from "../../src/domain/values.ts";

const start = "2024-01-08T09:00:00.000Z" as Instant;
const day = (days: number) => addMs(start, days * dayMs);
const visit: RapportInteraction = {
  at: start,
  kind: "visit",
  purpose: "relationship",
  direction: "mutual",
  minutes: 60,
  position: 1,
};
const pitch: RapportInteraction = { ...visit, purpose: "sales", minutes: 20, position: 2 };
const mail: RapportInteraction = { at: start, kind: "email", purpose: "service", direction: "outbound", position: 3 };

describe("rapport", () => {
  it("is nothing without interactions, and its shares unknown", () =>
    expect(rapportAt([], rapportDefaults, start)).toEqual({
      at: start,
      rapport: 0,
      twoWayShare: null,
      selfOrientation: null,
      interactions: 0,
    }));

  it("halves in ninety days", () => {
    expect(rapportAt([visit], rapportDefaults, start).rapport).toBe(1);
    expect(rapportAt([visit], rapportDefaults, day(90)).rapport).toBeCloseTo(0.5, 12);
    expect(rapportAt([visit, { ...visit, at: day(90) }], rapportDefaults, day(180)).rapport).toBeCloseTo(0.75, 12);
  });

  it("leaves out what had not happened yet", () =>
    expect(rapportAt([visit, { ...visit, at: day(1) }], rapportDefaults, start).interactions).toBe(1));

  it("weighs by kind and by purpose", () => {
    const options: RapportOptions = { ...rapportDefaults, weightByKind: { visit: 3 }, weightByPurpose: { sales: 0.5 } };
    expect(rapportAt([visit, pitch, mail], options, start).rapport).toBe(3 + 1.5 + 1);
    expect(rapportAt([{ ...mail, kind: "constructor" }], options, start).rapport).toBe(1);
  });

  it("reports how much of its weight is two-way: sought by the account, or by both", () => {
    expect(rapportAt([visit, mail], rapportDefaults, start).twoWayShare).toBe(0.5);
    expect(rapportAt([visit, { ...mail, direction: "inbound" }], rapportDefaults, start).twoWayShare).toBe(1);
    expect(rapportAt([mail], { ...rapportDefaults, weightByKind: { email: 0 } }, start).twoWayShare).toBeNull();
  });
});

describe("self-orientation", () => {
  it("is the share of contact time that serves selling", () =>
    expect(rapportAt([visit, pitch, mail], rapportDefaults, start).selfOrientation).toBe(0.25));
  it("forgets old time as rapport does", () =>
    expect(
      rapportAt(
        [
          { ...pitch, minutes: 60 },
          { ...visit, at: day(90) },
        ],
        rapportDefaults,
        day(90),
      ).selfOrientation,
    ).toBeCloseTo(1 / 3, 12));
  it("is unknown where no duration is", () => expect(rapportAt([mail], rapportDefaults, start).selfOrientation).toBeNull());
});

describe("for any interactions", () => {
  const anyInteraction = fc.record({
    at: fc.integer({ min: 0, max: 1000 }).map(day),
    kind: fc.constantFrom("visit", "call"),
    purpose: fc.constantFrom("sales", "relationship"),
    direction: fc.constantFrom("inbound", "outbound", "mutual"),
    minutes: fc.integer({ min: 0, max: 240 }),
    position: fc.integer({ min: 1, max: 1_000_000 }),
  });
  const distinct = fc.uniqueArray(anyInteraction, { selector: ({ position }) => position, maxLength: 20 });

  it("shares lie within 0..1, and the order doesn't matter", () =>
    fc.assert(
      fc.property(distinct, (interactions) => {
        const rapport = rapportAt(interactions, rapportDefaults, day(1000));
        for (const part of [rapport.twoWayShare ?? 0, rapport.selfOrientation ?? 0]) {
          expect(part).toBeGreaterThanOrEqual(0);
          expect(part).toBeLessThanOrEqual(1);
        }
        expect(rapportAt(interactions.toReversed(), rapportDefaults, day(1000))).toEqual(rapport);
      }),
    ));

  it("time alone makes rapport fall and moves no share", () =>
    fc.assert(
      fc.property(distinct, (interactions) => {
        const [now, later] = [
          rapportAt(interactions, rapportDefaults, day(1000)),
          rapportAt(interactions, rapportDefaults, day(1090)),
        ];
        expect(later.rapport).toBeCloseTo(now.rapport / 2, 9);
        expect(later.twoWayShare ?? 0).toBeCloseTo(now.twoWayShare ?? 0, 9);
        expect(later.selfOrientation ?? 0).toBeCloseTo(now.selfOrientation ?? 0, 9);
      }),
    ));
});
