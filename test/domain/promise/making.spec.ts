import { describe, it } from "vitest";
import type { MakePromise } from "../../../src/domain/promise/commands.ts";
import { promise } from "../../../src/domain/promise/promise.ts";
import { occurrenceCountMax } from "../../../src/domain/terms.ts";
import type { LocalDate } from "../../../src/domain/values.ts";
import { on, specFor } from "../../support/spec.ts";
import { account, agreementId, customer, recordingId, salesman, slug } from "../parties.examples.ts";
import * as p from "../promise.examples.ts";

const { given } = specFor(promise, "promise-1");
const offer = p.once("2026-03-01");
const make = (more: Partial<MakePromise> = {}): MakePromise => ({
  type: "MakePromise",
  at: p.madeAt,
  speaker: p.speaker(salesman),
  account,
  promisor: salesman,
  promisee: customer,
  direction: "given",
  kind: slug("visit"),
  weight: 1,
  offer,
  needsAcceptance: false,
  ...more,
});
const made = (more: Parameters<typeof p.made>[1] = {}) => p.made(offer, more) as never;

describe("making a promise", () => {
  it("records its terms and whose word it is", () => given().when(make()).then(made()));

  it("records what it depends on", () =>
    given()
      .when(make({ needsAcceptance: true, offerExpiresAt: on("2026-02-01"), agreement: agreementId, recording: recordingId }))
      .then(made({ needsAcceptance: true, offerExpiresAt: on("2026-02-01"), agreement: agreementId, recording: recordingId })));

  it("is asserted where a key records it that doesn't speak for the promisor alone", () =>
    given()
      .when(make({ speaker: { bound: false } }))
      .then(made(p.by(salesman, true))));

  it("is nobody's assertion where the house itself promises", () =>
    given()
      .when(make({ promisor: "house", speaker: { bound: false } }))
      .then(made({ promisor: "house", ...p.by("house") })));

  it("keeps its text and its condition out of the event, each with its one data subject", () => {
    const text = { subject: customer, value: "I will stop by every two weeks." };
    const condition = { subject: customer, value: "once the board agrees" };
    given()
      .when(make({ text, condition: { expiresAt: on("2026-06-01"), text: condition } }))
      .then({
        ...(made({ condition: { expiresAt: on("2026-06-01") } }) as object),
        personal: [
          { field: "text", ...text },
          { field: "condition", ...condition },
        ],
      } as never);
  });

  it("takes a due date before the promise: real data has some", () =>
    given()
      .when(make({ offer: p.once("2025-12-01") }))
      .then(p.made(p.once("2025-12-01")) as never));

  it("is the promisor's part", () =>
    given()
      .when(make({ speaker: p.speaker(customer) }))
      .thenRefused("not-your-part"));
  it("happens once", () => given(p.made(offer)).when(make()).thenRefused("promise-exists"));
  it("is refused to oneself", () =>
    given()
      .when(make({ promisee: salesman }))
      .thenRefused("parties-unfit"));
  it("is refused for an abstention that ends before it begins", () =>
    given()
      .when(make({ offer: p.abstain("2026-03-01", "2026-02-01") }))
      .thenRefused("terms-invalid"));
  it("is refused for a series that ends before it begins", () => {
    const backwards = p.series(["2026-03-01"]);
    const terms = { ...backwards.terms, until: "2026-02-01" as LocalDate } as typeof backwards.terms;
    given()
      .when(make({ offer: { ...backwards, terms } }))
      .thenRefused("terms-invalid");
  });
  it("is refused with more occurrences than a leaf can hold", () => {
    const dates = Array.from({ length: occurrenceCountMax + 1 }, () => "2026-03-01");
    given()
      .when(make({ offer: p.series(dates) }))
      .thenRefused("too-many-occurrences");
  });
  it("is refused where the offer expires before it is made", () =>
    given()
      .when(make({ offerExpiresAt: p.madeAt }))
      .thenRefused("terms-invalid"));
  it("is refused where an offer expires that needs no acceptance", () =>
    given()
      .when(make({ offerExpiresAt: on("2026-02-01") }))
      .thenRefused("terms-invalid"));
  it("is refused as an abstention that nothing can break", () =>
    given()
      .when(make({ offer: { ...p.abstain("2026-01-01", "2027-01-01"), matcher: undefined } }))
      .thenRefused("terms-invalid"));
  it("is refused where the condition expires before it is made", () =>
    given()
      .when(make({ condition: { expiresAt: p.madeAt } }))
      .thenRefused("terms-invalid"));
});

describe("anything said of a promise", () => {
  it("is refused for a time before it was made", () =>
    given(p.made(offer))
      .when(p.command("ReleasePromise", "2025-12-31 23:59", {}))
      .thenRefused("before-promise"));
});

describe("answering an offer", () => {
  const offered = p.made(offer, { needsAcceptance: true });
  const other = p.once("2026-04-01");
  it("is the part of whoever is asked", () => {
    given(offered)
      .when(p.command("AcceptPromise", "2026-01-02", { speaker: p.speaker(salesman) }))
      .thenRefused("not-your-part");
    given(offered)
      .when(p.command("DeclinePromise", "2026-01-02", { speaker: p.speaker(salesman) }))
      .thenRefused("not-your-part");
    given(offered)
      .when(p.command("CounterPromise", "2026-01-02", { offer, speaker: p.speaker(salesman) }))
      .thenRefused("not-your-part");
    given(offered)
      .when(p.command("WithdrawPromise", "2026-01-02", { speaker: p.speaker(customer) }))
      .thenRefused("not-your-part");
  });
  it("passes the question on when it is a counter-offer", () => {
    const countered = p.countered(other, on("2026-01-02"));
    const accept = (speaker = p.speaker(salesman)) => p.command("AcceptPromise", "2026-01-03", { speaker });
    given(offered, countered)
      .when(accept(p.speaker(customer)))
      .thenRefused("not-your-part");
    given(offered, countered)
      .when(accept())
      .then({ type: "PromiseAccepted", data: p.by(salesman) });
  });
  it("puts the counter-offer on the table, once", () => {
    const counter = p.command("CounterPromise", "2026-01-02", { offer: other, speaker: p.speaker(customer) });
    given(offered)
      .when(counter)
      .then({ type: "PromiseCountered", data: { offer: other, ...p.by(customer) } });
    given(offered, p.countered(other, on("2026-01-02")))
      .when(counter)
      .thenNothing();
  });
  it("is refused for a counter-offer that contradicts itself", () =>
    given(offered)
      .when(p.command("CounterPromise", "2026-01-02", { offer: p.abstain("2026-03-01", "2026-02-01") }))
      .thenRefused("terms-invalid"));
});
