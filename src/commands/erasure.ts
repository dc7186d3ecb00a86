/** Erasing a data subject: the one command that can't be undone. */
import { z } from "zod";
import { account } from "../domain/account.ts";
import { DomainError } from "../domain/errors.ts";
import { erasureOf, ledgerRecord } from "../domain/ledger-record.ts";
import { person } from "../domain/person.ts";
import { isPerson, type Slug, slug, type SubjectId, subjectId } from "../domain/values.ts";
import type { CommandMeta } from "../ledger/ledger.ts";
import { type Acknowledged, defineCommand, type Desk, metaOf, requireUnbound } from "./command.ts";

export type EraseSubject = { subject: SubjectId; reason?: Slug | undefined };

/**
 * Records the erasure and carries it out. Repeating it adds no event, and finishes what was left undone.
 * @throws DomainError `subject-not-found`; StoreUnavailableError, VaultUnavailableError where a step failed: repeat it then.
 */
export async function erase(desk: Desk, { subject, reason }: EraseSubject, meta: CommandMeta): Promise<Acknowledged> {
  await requireSubject(desk, subject);
  const command = { type: "EraseSubject" as const, subject, reason, at: desk.ledger.now() };
  const handled = await desk.ledger.handle(ledgerRecord, "ledger", command, meta);
  const { state } = await desk.ledger.load(ledgerRecord, "ledger");
  await desk.erasures.carryOut({ subject, at: erasureOf(state, subject)!.at });
  return { ...handled, id: subject };
}

async function requireSubject({ ledger }: Desk, subject: SubjectId): Promise<void> {
  const { status } = isPerson(subject)
    ? await ledger.refer(person, `person-${subject}`)
    : await ledger.refer(account, `account-${subject}`);
  if (status === "none") throw new DomainError("subject-not-found", `there is no person and no account ${subject}`);
}

export const eraseSubject = defineCommand({
  name: "erase-subject",
  method: "POST",
  path: "/subjects/:subject/erase",
  tag: "Ledger",
  summary: "Erase the personal text of a person or an account, for good",
  description:
    "Destroys the subject's key and overwrites its sealed text: names, contact details, notes, words of promises, external ids. Nothing brings them back, and nothing personal is recorded for that subject any more. Ids, dates, terms and verdicts stay, so every receipt still verifies. Answered once it is done; asking again adds nothing, and finishes what was interrupted.",
  scope: "admin",
  params: z.strictObject({ subject: subjectId }),
  body: z.strictObject({ reason: slug.optional().describe("Why, in a word that is no secret: it stays in the log for ever.") }),
  example: { reason: "subject-asked" },
  refusals: ["subject-not-found", "not-your-part"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { subject } = request.params;
    const meta = metaOf("erase-subject", desk, { ...request, expectedRevision: undefined });
    return erase(desk, { subject, reason: request.body.reason }, meta);
  },
});
