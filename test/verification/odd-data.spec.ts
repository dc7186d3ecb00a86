/** Leaves whose data has no form that anybody expects: whatever it is, the report names the leaf. */
import { describe, expect, it } from "vitest";
import { accountEvents } from "../../src/domain/account.ts";
import { agreementEvents } from "../../src/domain/agreement.ts";
import { anchorEvents } from "../../src/domain/anchor.ts";
import { eventSchemas } from "../../src/domain/catalogue.ts";
import { interactionEvents } from "../../src/domain/interaction.ts";
import { keyEvents } from "../../src/domain/key.ts";
import { ledgerEvents } from "../../src/domain/ledger-record.ts";
import { outcomeEvents } from "../../src/domain/outcome.ts";
import { personEvents } from "../../src/domain/person.ts";
import { policyEvents } from "../../src/domain/policy.ts";
import { promiseEvents, verdictTypes } from "../../src/domain/promise/events.ts";
import { samples } from "../domain/event-samples.examples.ts";
import { account, byRule, houseKey, interaction, promise, promisor, withPromise } from "./support/told-log.ts";

const streams: [stream: string, schemas: object][] = [
  [`account-${account}`, accountEvents],
  ["agreement-agr_0000000000000001", agreementEvents],
  ["anchor-1", anchorEvents],
  [`interaction-${interaction}`, interactionEvents],
  [`key-${houseKey}`, keyEvents],
  ["ledger", ledgerEvents],
  ["outcome-out_0000000000000001", outcomeEvents],
  [`person-${promisor}`, personEvents],
  ["policy-default", policyEvents],
  [`promise-${promise}`, promiseEvents],
];
const told = streams.flatMap(([stream, schemas]) => Object.keys(schemas).map((type) => ({ type, stream })));
const isWord = ({ type }: { type: string }) => !(verdictTypes as readonly string[]).includes(type);
const place = withPromise().size;
const outcomeOf = ({ type, stream }: { type: string; stream: string }, data: unknown) =>
  withPromise()
    .add(type, stream, data as object, isWord({ type }) ? {} : byRule)
    .outcome();

describe("an event without what its type is made of", () => {
  it("is told of every type", () => {
    expect(told.map(({ type }) => type).sort()).toEqual(Object.keys(eventSchemas).sort());
  });

  it.each(told)("$type with no data at all is named, where that is no form of it", async ({ type, stream }) => {
    const isForm = eventSchemas[type as keyof typeof eventSchemas].safeParse({}).success;
    const { exitCode, leaf } = await outcomeOf({ type, stream }, {});
    if (isForm) expect([0, 1, 3]).toContain(exitCode);
    else expect({ exitCode, leaf }).toEqual({ exitCode: 1, leaf: place });
  });

  it.each(told.filter((one) => !isWord(one)))("$type is named with any member missing or of another kind", async (one) => {
    const data: Record<string, unknown> = samples[one.type as keyof typeof samples];
    for (const member of Object.keys(data))
      for (const odd of [undefined, null, "x", -1, [], { toString: 1 }]) {
        const { [member]: _, ...rest } = data;
        const { exitCode, leaf } = await outcomeOf(one, odd === undefined ? rest : { ...rest, [member]: odd });
        expect({ member, odd, exitCode, leaf }).toEqual({ member, odd, exitCode: 1, leaf: place });
      }
  });
});
