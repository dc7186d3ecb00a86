import { describe, it } from "vitest";
import { account, type AccountCommand } from "../../src/domain/account.ts";
import type { AccountId } from "../../src/domain/values.ts";
import { on, specFor, type Told } from "../support/spec.ts";
import type { AccountEvent } from "../../src/domain/account.ts";
import { account as id, colleague, salesman, slug, slugs } from "./parties.examples.ts";

const { given } = specFor(account, `account-${id}`);
const at = on("2026-01-05");
const told = <Event extends AccountEvent>(event: Event): Told<AccountEvent> => ({ ...event, at: on("2026-01-01") });
const command = (of: AccountCommand): AccountCommand & { id: AccountId } => ({ id, ...of });

const opened = {
  type: "AccountOpened",
  data: { timeZone: "Europe/Berlin", owner: salesman, source: undefined, tags: slugs("fleet") },
} as const;
const open = [told(opened as never)];
const closed = [...open, told({ type: "AccountClosed", data: {} })];
const openIt = command({
  type: "OpenAccount",
  timeZone: "Europe/Berlin",
  owner: salesman,
  tags: slugs("fleet"),
  sealed: { name: "Kessler Logistics" },
  at,
});

describe("opening an account", () => {
  it("records it, with its name sealed for the account", () =>
    given()
      .when(openIt)
      .then({ ...opened, personal: [{ subject: id, field: "name", value: "Kessler Logistics" }], account: id } as never));
  it("happens once", () => {
    given(...open)
      .when(openIt)
      .thenRefused("account-exists");
    given(...closed)
      .when(openIt)
      .thenRefused("account-exists");
  });
});

describe("changing an account", () => {
  const change = (more: Partial<Extract<AccountCommand, { type: "ChangeAccount" }>>) =>
    command({ type: "ChangeAccount", sealed: {}, at, ...more });
  it("records what is new", () =>
    given(...open)
      .when(change({ timeZone: "Europe/Vienna" }))
      .then({ type: "AccountChanged", data: { timeZone: "Europe/Vienna", tags: undefined } }));
  it("adds nothing where it is so already", () => {
    given(...open)
      .when(change({}))
      .thenNothing();
    given(...open)
      .when(change({ timeZone: "Europe/Berlin", tags: slugs("fleet"), sealed: { name: undefined } }))
      .thenNothing();
  });
  it("always records sealed text, which can't be compared", () =>
    given(...open)
      .when(change({ sealed: { name: "Kessler SE" } }))
      .then({
        type: "AccountChanged",
        data: { timeZone: undefined, tags: undefined },
        personal: [{ subject: id, field: "name", value: "Kessler SE" }],
      }));
  it("is refused before it is opened, and while it is closed", () => {
    given().when(change({})).thenRefused("account-not-found");
    given(...closed)
      .when(change({ tags: [slug("quiet")] }))
      .thenRefused("account-closed");
  });
});

describe("assigning an account", () => {
  const assign = (owner: typeof salesman | null) => command({ type: "AssignAccount", owner, at });
  it("records the owner, or that there is none", () => {
    given(...open)
      .when(assign(colleague))
      .then({ type: "AccountAssigned", data: { owner: colleague } });
    given(...open)
      .when(assign(null))
      .then({ type: "AccountAssigned", data: { owner: null } });
  });
  it("adds nothing where it is so already", () =>
    given(...open)
      .when(assign(salesman))
      .thenNothing());
  it("is refused before it is opened, and while it is closed", () => {
    given().when(assign(null)).thenRefused("account-not-found");
    given(...closed)
      .when(assign(colleague))
      .thenRefused("account-closed");
  });
});

describe("closing and reopening an account", () => {
  const close = command({ type: "CloseAccount", at });
  const reopen = command({ type: "ReopenAccount", at });
  const reopened = [...closed, told({ type: "AccountReopened", data: {} })];
  it("records each once", () => {
    given(...open)
      .when(close)
      .then({ type: "AccountClosed", data: {} });
    given(...closed)
      .when(close)
      .thenNothing();
    given(...closed)
      .when(reopen)
      .then({ type: "AccountReopened", data: {} });
    given(...open)
      .when(reopen)
      .thenNothing();
    given(...reopened)
      .when(close)
      .then({ type: "AccountClosed", data: {} });
  });
  it("is refused before it is opened", () => {
    given().when(close).thenRefused("account-not-found");
    given().when(reopen).thenRefused("account-not-found");
  });
});
