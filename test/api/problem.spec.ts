import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiError, problemOf } from "../../src/api/problem.ts";
import { problemTypes } from "../../src/api/problem-codes.ts";
import { DomainError, domainErrorCodes } from "../../src/domain/errors.ts";
import { RevisionConflictError, StoreUnavailableError } from "../../src/event-store/event-store.ts";
import { EventTooLargeError } from "../../src/ledger/envelope.ts";
import { IdempotencyMismatchError, StaleRevisionError } from "../../src/ledger/ledger.ts";
import { ClockBehindError } from "../../src/ledger/log-clock.ts";
import { ViewsBehindError } from "../../src/projections/reader.ts";
import { CursorError } from "../../src/queries/query.ts";
import { SubjectErasedError, VaultUnavailableError } from "../../src/vault/vault.ts";
import { type TestApi, testApi } from "../support/api.ts";

const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
const explained = [...page.matchAll(/^\| `([a-z-]+)` \| ([0-9, ]+) \| .+ \| .+ \|$/gm)].map(([, code, statuses]) => ({
  code: code!,
  statuses: statuses!.split(", ").map(Number),
}));

describe("docs/errors.md", () => {
  it("explains every code and no other", () => {
    expect(explained.map(({ code }) => code).sort()).toEqual(Object.keys(problemTypes).sort());
  });

  it("gives each the status that the API gives", () => {
    const statuses = Object.fromEntries(explained.map(({ code, statuses: [first] }) => [code, first]));
    expect(statuses).toEqual(Object.fromEntries(Object.entries(problemTypes).map(([code, { status }]) => [code, status])));
  });

  it("says of what is not found that a reference to it is 422", () => {
    const references = ["account-not-found", "person-not-found", "team-not-found", "interaction-not-found"];
    expect(explained.filter(({ statuses }) => statuses.length > 1).map(({ code }) => code)).toEqual(references);
  });
});

describe("the map from errors to problems", () => {
  it("knows every code of the domain", () => {
    for (const code of domainErrorCodes)
      expect(problemOf(new DomainError(code)).problem).toMatchObject({ code, status: problemTypes[code].status });
  });

  it.each(domainErrorCodes)("has a sentence for `%s` where the rule has nothing more exact to say", (code) => {
    const { detail } = problemOf(new DomainError(code)).problem;
    expect(detail).toMatch(/^[A-Z].* .*\.$/);
    expect(detail).not.toContain(code);
  });

  it("begins a sentence with an id as it is", () => {
    const { problem } = problemOf(new DomainError("parties-unfit", "per_1 belongs to another account", "/promisee"));
    expect(problem).toMatchObject({
      detail: "per_1 belongs to another account.",
      errors: [{ reason: "per_1 belongs to another account" }],
    });
  });

  it.each([
    [new StaleRevisionError(1, 2), 412, "stale-revision"],
    [new IdempotencyMismatchError(), 422, "idempotency-key-reused"],
    [new EventTooLargeError("PromiseMade", 70_000), 422, "event-too-large"],
    [new SubjectErasedError("per_0000000000000001" as never), 409, "subject-erased"],
    [new CursorError("no"), 400, "cursor-invalid"],
    [new RevisionConflictError("s", 1, 2), 503, "revision-conflict"],
    [new ClockBehindError(6_000), 503, "clock-behind"],
    [new StoreUnavailableError("full"), 507, "store-full"],
    [new StoreUnavailableError("damaged"), 503, "store-unavailable"],
    [new VaultUnavailableError("closed"), 503, "vault-unavailable"],
    [new ViewsBehindError(1, 2), 503, "views-behind"],
    [new ApiError("overloaded", "no"), 503, "overloaded"],
    [new Error("SELECT secret"), 500, "internal"],
    ["not even an error", 500, "internal"],
    [null, 500, "internal"],
  ])("tells %s as %i %s", (error, status, code) => {
    const { problem } = problemOf(error);
    expect(problem).toMatchObject({ status, code, type: `urn:troth:problem:${code}` });
    expect(JSON.stringify(problem)).not.toContain("SELECT");
  });

  it("says when to come again", () => {
    expect(problemOf(new ClockBehindError(6_500)).headers).toEqual({ "retry-after": "7" });
    expect(problemOf(new ClockBehindError(10 * 86_400_000)).headers).toEqual({ "retry-after": "3600" });
    expect(problemOf(new ViewsBehindError(1, 2)).headers).toEqual({ "retry-after": "1" });
  });
});

describe("a fault of ours", () => {
  const secretText = "M. Berg owes us a visit";
  let api: TestApi;
  beforeAll(async () => {
    api = await testApi();
    api.app.get("/broken", () => {
      throw Object.assign(new Error(secretText), { cause: new StoreUnavailableError("failed") });
    });
  });
  afterAll(() => api.close());

  it("is answered without any detail and logged once, by its class and frames alone", async () => {
    const { json } = await api.refused(500, "internal", "GET", "/broken");
    expect(json.instance).toMatch(/^urn:troth:correlation:/);
    const faults = api.lines.filter(({ msg }) => msg === "internal");
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({ fault: { name: "Error", cause: { name: "StoreUnavailableError" } } });
    expect(JSON.stringify([json, api.lines])).not.toContain("Berg");
  });
});
