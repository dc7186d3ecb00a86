import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { memoryWitnessStates, openWitnessStates } from "../../src/witness/states.ts";
import { witnessStatesContract } from "../contract/witness-states.contract.ts";

const folder = mkdtempSync(join(tmpdir(), "troth-witness-"));
let serial = 0;
const path = () => join(folder, `witness-${(serial += 1)}.db`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

witnessStatesContract("memory", memoryWitnessStates);
witnessStatesContract("a file", () => openWitnessStates(path()));

describe("the file of a witness", () => {
  it("is one for all processes that open it: whoever compares second is refused", async () => {
    const file = path();
    const [one, other] = [openWitnessStates(file), openWitnessStates(file)];
    const state = (size: number) => ({ size, root: new Uint8Array(32).fill(size), note: "" });
    expect(await one.replace("troth/main", undefined, state(5))).toBe(true);
    expect(await other.replace("troth/main", undefined, state(4))).toBe(false);
    expect((await other.read("troth/main"))?.size).toBe(5);
    one.close();
    other.close();
    const again = openWitnessStates(file);
    expect((await again.read("troth/main"))?.size).toBe(5);
    again.close();
  });
});
