/** What every store of a witness's states must do. */
import { describe, expect, it } from "vitest";
import type { WitnessState } from "../../src/audit/witness.ts";
import type { WitnessStates } from "../../src/witness/states.ts";

const origin = "troth/main";
const state = (size: number, fill = size): WitnessState => ({ size, root: new Uint8Array(32).fill(fill), note: `note ${size}` });

export function witnessStatesContract(name: string, open: () => WitnessStates): void {
  describe(`the states of a witness in ${name}`, () => {
    it("begin with nothing", async () => {
      const states = open();
      expect(await states.read(origin)).toBeUndefined();
      expect(states.list()).toEqual([]);
      expect(states.forget(origin)).toBeUndefined();
      states.close();
    });

    it("are replaced where they stand as expected, and nowhere else", async () => {
      const states = open();
      expect(await states.replace(origin, state(1), state(2))).toBe(false);
      expect(await states.replace(origin, undefined, state(2))).toBe(true);
      expect(await states.replace(origin, undefined, state(3))).toBe(false);
      expect(await states.replace(origin, state(2, 9), state(3))).toBe(false);
      expect(await states.read(origin)).toEqual(state(2));
      expect(await states.replace(origin, state(2), state(3))).toBe(true);
      expect(await states.replace(origin, state(2), state(4))).toBe(false);
      expect(await states.read(origin)).toEqual(state(3));
      states.close();
    });

    it("let exactly one of many win", async () => {
      const states = open();
      await states.replace(origin, undefined, state(1));
      const won = await Promise.all([2, 3, 4, 5].map((size) => states.replace(origin, state(1), state(size))));
      expect(won.filter(Boolean)).toHaveLength(1);
      expect((await states.read(origin))?.size).toBe(2 + won.indexOf(true));
      states.close();
    });

    it("are apart for each log, and forgotten one by one", async () => {
      const states = open();
      await states.replace(origin, undefined, state(5));
      await states.replace("troth/other", undefined, state(7));
      expect(states.forget(origin)).toEqual(state(5));
      expect(await states.read(origin)).toBeUndefined();
      expect(states.list()).toEqual([{ origin: "troth/other", state: state(7) }]);
      expect(await states.replace(origin, undefined, state(2))).toBe(true);
      states.close();
    });
  });
}
