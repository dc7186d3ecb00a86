import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Hearing } from "../../src/composition/hearing.ts";
import type { SubjectId } from "../../src/domain/values.ts";
import type { StoredEvent } from "../../src/event-store/event-store.ts";

const anna = "per_0000000000000001" as SubjectId;
const ben = "per_0000000000000002" as SubjectId;

type Told = { type?: string; stream?: string; data?: object; sealed?: object[]; ciphertext?: string | null };
const event = (position: number, told: Told = {}): StoredEvent => {
  const { type = "AccountOpened", stream = "account-1", data = {} } = told;
  const leaf = Buffer.from(JSON.stringify({ type, occurredAt: "2026-01-31T00:00:00.000Z", data, sealed: told.sealed ?? [] }));
  return { position, stream, revision: 0, id: `evt_${position}`, leaf, ciphertext: told.ciphertext ?? null };
};
const sealedFor = (subject: SubjectId, ciphertext: string): Told => ({
  sealed: [{ subject, field: "name", commitment: "" }],
  ciphertext,
});

let calls: unknown[][];
let failures: number;
let hearing: Hearing;
beforeEach(() => {
  calls = [];
  failures = 0;
  hearing = new Hearing({
    ledger: { observe: (events) => void calls.push(["observe", ...events.map(({ position }) => position)]) },
    erasures: {
      carryOut: async ({ subject, at }) => {
        if (failures-- > 0) throw new Error("the vault is away");
        calls.push(["carryOut", subject, at]);
      },
      blankAgain: async (subjects) => void calls.push(["blankAgain", ...subjects]),
    },
    wake: (position) => void calls.push(["wake", position]),
    erased: [ben],
    onTrouble: (error) => void calls.push(["trouble", (error as Error).message]),
    retryMs: 1,
  });
});
afterEach(() => hearing.close());

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

describe("a node that hears of events", () => {
  it("has the ledger take note of them and wakes who follows", () => {
    hearing.hear([event(4), event(5, { stream: "account-2" })]);
    expect(calls).toEqual([
      ["observe", 4, 5],
      ["wake", 5],
    ]);
  });

  it("hears nothing in nothing", () => {
    hearing.hear([]);
    expect(calls).toEqual([]);
  });

  it("erases in its own copy what was erased elsewhere, and tries again where it can't", async () => {
    failures = 2;
    hearing.hear([event(4, { type: "SubjectErased", stream: "ledger", data: { subject: anna } })]);
    await settled();
    expect(calls.filter(([what]) => what === "trouble")).toHaveLength(2);
    expect(calls.at(-1)).toEqual(["carryOut", anna, "2026-01-31T00:00:00.000Z"]);
  });

  it("blanks what was sealed before an erasure and recorded after it", async () => {
    hearing.hear([event(4, sealedFor(ben, '[{"k":1,"c":"AAAA"}]'))]);
    await settled();
    expect(calls).toContainEqual(["blankAgain", ben]);
  });

  it("leaves what is blank, what is of others, and what has no text", async () => {
    hearing.hear([event(4, sealedFor(ben, "[null]  ")), event(5, sealedFor(anna, '[{"k":1,"c":"AAAA"}]')), event(6)]);
    await settled();
    expect(calls.filter(([what]) => what === "blankAgain")).toEqual([]);
  });
});
