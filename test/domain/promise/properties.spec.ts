import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { promise } from "../../../src/domain/promise/promise.ts";
import { specFor } from "../../support/spec.ts";
import type * as p from "../promise.examples.ts";
import { conversation } from "./conversation.examples.ts";

const { given, told } = specFor(promise, "promise-1");

describe("a conversation about a promise", () => {
  it("adds no event when any command of it is repeated", () =>
    fc.assert(
      fc.property(conversation, ({ made, commands }) => {
        let events: p.Say[] = [made];
        for (const command of commands) {
          const first = given(...events)
            .when(command)
            .outcome();
          if (!Array.isArray(first)) continue;
          const again = given(...events)
            .when(command)
            .again();
          if (Array.isArray(again)) expect(again).toEqual([]);
          events = [...events, ...told([command], events)];
        }
      }),
      { numRuns: 300 },
    ));

  it("comes through deciders that refuse by code and never fail", () =>
    fc.assert(
      fc.property(conversation, ({ made, commands }) => {
        const heard = told(commands, [made]);
        expect(heard.length).toBeLessThanOrEqual(commands.length);
      }),
    ));
});
