/** Subjects, events and texts that the vault's specs share. */
import type { EventId, Instant, KeyId, SubjectId } from "../../src/domain/values.ts";
import { eventId, subjectId } from "../../src/domain/values.ts";
import type { Commitment, OpenRequest, Opened, Reader, SealRequest, Sealed, Vault } from "../../src/vault/vault.ts";

export const person = (number: number): SubjectId => subjectId.parse(`per_${String(number).padStart(16, "0")}`);
export const event = (number: number): EventId => eventId.parse(`evt_${String(number).padStart(16, "0")}`);
export const anna = person(1);
export const ben = person(2);
export const firstVisit = event(1);
export const secondVisit = event(2);
export const noon = "2026-11-02T12:00:00.000Z" as Instant;
export const evening = "2026-11-02T18:00:00.000Z" as Instant;
export const reader: Reader = { key: "key_0000000000000001" as KeyId, purpose: "timeline", at: noon };

export const note = (subject: SubjectId, value: string, field = "notes") => ({ subject, field, value });
export const requestFor = (of: EventId, { commitments, ciphertext }: Sealed): OpenRequest => ({
  event: of,
  sealed: commitments,
  ciphertext,
});

/** What an event's segments look like to a reader: the texts, or why there are none. */
export async function read(vault: Vault, request: OpenRequest): Promise<string[]> {
  const [opened] = await vault.open([request], reader);
  return opened!.map(textOf);
}
const textOf = (segment: Opened): string => (segment.status === "opened" ? segment.value : `(${segment.status})`);

export async function sealOne(vault: Vault, of: EventId, subject: SubjectId, value: string): Promise<OpenRequest> {
  const request: SealRequest = { event: of, fields: [note(subject, value)] };
  return requestFor(of, await vault.seal(request));
}

export const withCommitment = (request: OpenRequest, change: Partial<Commitment>): OpenRequest => ({
  ...request,
  sealed: request.sealed.map((commitment) => ({ ...commitment, ...change })),
});
