/** Commands on people: ours, and those at accounts. */
import { z } from "zod";
import { DomainError } from "../domain/errors.ts";
import { person, type PersonCommand } from "../domain/person.ts";
import { accountId, type PersonId, personId, slug } from "../domain/values.ts";
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
import { requireAccount } from "./references.ts";

const onPerson = z.strictObject({ person: personId });
const place = {
  account: accountId.optional().describe("The account it belongs to; absent for somebody of ours."),
  team: slug.optional(),
};

type Unidentified = PersonCommand extends infer Command ? (Command extends PersonCommand ? Omit<Command, "id"> : never) : never;

const handlePerson = (desk: Desk, name: string, request: CommandRequest<unknown, object>, id: PersonId, command: Unidentified) =>
  handleRequest(desk, name, request, { decider: person, category: "person", id }, { ...command, id } as PersonCommand);

export const addPerson = defineCommand({
  name: "add-person",
  method: "POST",
  path: "/people",
  tag: "People",
  summary: "Add a person",
  description: "Somebody of ours, or at an account. Name and contact details are sealed under the person's own key.",
  scope: "record",
  creates: true,
  params: noParams,
  body: z.strictObject({
    id: personId.optional().describe("Your own opaque id; made here where absent."),
    ...place,
    ...contactDetails,
    ...origin,
    ...at,
  }),
  example: { name: "R. Novak", team: "north" },
  refusals: ["person-exists", "account-not-found", "terms-invalid", "not-your-part", "in-the-future"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { account, team, name, email, phone, note, source, externalId } = request.body;
    if (account !== undefined) await requireAccount(desk, account);
    const { id } = newIdOf<PersonId>("per", "add-person", desk, request);
    const sealed = { name, email, phone, note, externalId };
    return handlePerson(desk, "add-person", request, id, {
      type: "AddPerson",
      at: momentOf(desk, request.body),
      account,
      team,
      source,
      sealed,
    });
  },
});

export const changePerson = defineCommand({
  name: "change-person",
  method: "PATCH",
  path: "/people/:person",
  tag: "People",
  summary: "Change a person's name or contact details",
  scope: "record",
  params: onPerson,
  body: z.strictObject({ ...contactDetails, ...at }),
  example: { email: "r.novak@example.com" },
  refusals: ["person-not-found", "person-left", "not-your-part", "in-the-future"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { name, email, phone, note } = request.body;
    return handlePerson(desk, "change-person", request, request.params.person, {
      type: "ChangePerson",
      at: momentOf(desk, request.body),
      sealed: { name, email, phone, note },
    });
  },
});

export const movePerson = defineCommand({
  name: "move-person",
  method: "POST",
  path: "/people/:person/move",
  tag: "People",
  summary: "Move a person to another team or account, from a date on",
  scope: "record",
  params: onPerson,
  body: z.strictObject({
    ...place,
    account: accountId.nullable().optional().describe("The account it belongs to from then on; null, or a team alone, for ours."),
    ...at,
  }),
  example: { team: "south" },
  refusals: ["person-not-found", "account-not-found", "terms-invalid", "not-your-part", "in-the-future"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { account, team } = request.body;
    if (account === undefined && team === undefined)
      throw new DomainError("terms-invalid", "is required where no team is named; null for our own side", "/account");
    if (typeof account === "string") await requireAccount(desk, account);
    return handlePerson(desk, "move-person", request, request.params.person, {
      type: "MovePerson",
      at: momentOf(desk, request.body),
      account: account ?? undefined,
      team,
    });
  },
});

export const personLeft = defineCommand({
  name: "person-left",
  method: "POST",
  path: "/people/:person/leave",
  tag: "People",
  summary: "Record that a person left",
  scope: "record",
  params: onPerson,
  body: z.strictObject({ ...at }),
  example: {},
  refusals: ["person-not-found", "not-your-part", "in-the-future"],
  async run(desk, request) {
    requireUnbound(request.caller);
    return handlePerson(desk, "person-left", request, request.params.person, {
      type: "LeavePerson",
      at: momentOf(desk, request.body),
    });
  },
});
