/** Commands on accounts. */
import { z } from "zod";
import { account, type AccountCommand } from "../domain/account.ts";
import { type AccountId, accountId, personId, slug, timeZone } from "../domain/values.ts";
import { checkTimeZone } from "../schedule/resolve.ts";
import {
  at,
  type CommandRequest,
  contactDetails,
  defineCommand,
  type Desk,
  handleRequest,
  momentOf,
  newIdOf,
  noParams,
  origin,
  requireUnbound,
} from "./command.ts";
import { requireOurs } from "./references.ts";

const onAccount = z.strictObject({ account: accountId });

const handleAccount = (
  desk: Desk,
  name: string,
  request: CommandRequest<unknown, object>,
  id: AccountId,
  command: AccountCommand,
) => handleRequest(desk, name, request, { decider: account, category: "account", id }, { ...command, id });

export const openAccount = defineCommand({
  name: "open-account",
  method: "POST",
  path: "/accounts",
  tag: "Accounts",
  summary: "Open an account",
  description: "A company or household that you have a relationship with. Its name and contact details are sealed.",
  scope: "record",
  creates: true,
  params: noParams,
  body: z.strictObject({
    id: accountId.optional().describe("Your own opaque id; made here where absent."),
    ...contactDetails,
    timeZone: timeZone.default("UTC").describe("Where its days begin and end."),
    owner: personId.optional().describe("Who of ours looks after it."),
    tags: z.array(slug).max(50).default([]),
    ...origin,
    ...at,
  }),
  example: { name: "Harbour Freight Lines", timeZone: "Europe/Berlin", tags: ["fleet"] },
  refusals: ["account-exists", "person-not-found", "parties-unfit", "terms-invalid", "not-your-part", "in-the-future"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { name, email, phone, note, timeZone, owner, tags, source, externalId } = request.body;
    checkTimeZone(timeZone, "/timeZone");
    if (owner !== undefined) await requireOurs(desk, owner, "/owner");
    const { id } = newIdOf<AccountId>("acc", "open-account", desk, request);
    const sealed = { name, email, phone, note, externalId };
    return handleAccount(desk, "open-account", request, id, {
      type: "OpenAccount",
      at: momentOf(desk, request.body),
      timeZone,
      owner,
      source,
      tags,
      sealed,
    });
  },
});

export const changeAccount = defineCommand({
  name: "change-account",
  method: "PATCH",
  path: "/accounts/:account",
  tag: "Accounts",
  summary: "Change an account",
  scope: "record",
  params: onAccount,
  body: z.strictObject({ ...contactDetails, timeZone: timeZone.optional(), tags: z.array(slug).max(50).optional(), ...at }),
  example: { timeZone: "Europe/Berlin", tags: ["fleet", "north"] },
  refusals: ["account-not-found", "account-closed", "terms-invalid", "not-your-part", "in-the-future"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { name, email, phone, note, timeZone, tags } = request.body;
    if (timeZone !== undefined) checkTimeZone(timeZone, "/timeZone");
    const sealed = { name, email, phone, note };
    return handleAccount(desk, "change-account", request, request.params.account, {
      type: "ChangeAccount",
      at: momentOf(desk, request.body),
      timeZone,
      tags,
      sealed,
    });
  },
});

export const assignAccount = defineCommand({
  name: "assign-account",
  method: "POST",
  path: "/accounts/:account/assign",
  tag: "Accounts",
  summary: "Assign an account to somebody of ours",
  scope: "record",
  params: onAccount,
  body: z.strictObject({ owner: personId.nullable().describe("Null for nobody."), ...at }),
  example: { owner: "per_0000000000000001" },
  refusals: ["account-not-found", "account-closed", "person-not-found", "parties-unfit", "not-your-part", "in-the-future"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { owner } = request.body;
    if (owner !== null) await requireOurs(desk, owner, "/owner");
    return handleAccount(desk, "assign-account", request, request.params.account, {
      type: "AssignAccount",
      at: momentOf(desk, request.body),
      owner,
    });
  },
});

const standing = (verb: "close" | "reopen", type: "CloseAccount" | "ReopenAccount", summary: string) =>
  defineCommand({
    name: `${verb}-account`,
    method: "POST",
    path: `/accounts/:account/${verb}`,
    tag: "Accounts",
    summary,
    scope: "record",
    params: onAccount,
    body: z.strictObject({ ...at }),
    example: {},
    refusals: ["account-not-found", "not-your-part", "in-the-future"],
    async run(desk, request) {
      requireUnbound(request.caller);
      return handleAccount(desk, `${verb}-account`, request, request.params.account, { type, at: momentOf(desk, request.body) });
    },
  });

export const closeAccount = standing("close", "CloseAccount", "Close an account: it is no longer counted as active or dormant");
export const reopenAccount = standing("reopen", "ReopenAccount", "Reopen a closed account");
