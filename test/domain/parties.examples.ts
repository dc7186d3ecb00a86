/** Who takes part in the examples: a salesman with a colleague, and a customer at an account. */
import type { AccountId, AgreementId, InteractionId, PersonId, PromiseId, RecordingId, Slug } from "../../src/domain/values.ts";
import { idOf } from "../support/spec.ts";

export const account = idOf<AccountId>("acc", 1);
export const otherAccount = idOf<AccountId>("acc", 2);
export const salesman = idOf<PersonId>("per", 1);
export const customer = idOf<PersonId>("per", 2);
export const colleague = idOf<PersonId>("per", 3);
export const stranger = idOf<PersonId>("per", 4);
export const promiseId = idOf<PromiseId>("prm", 1);
export const agreementId = idOf<AgreementId>("agr", 1);
export const recordingId = idOf<RecordingId>("rec", 1);
export const interactionId = (number: number): InteractionId => idOf<InteractionId>("int", number);
export const slug = (word: string): Slug => word as Slug;
export const slugs = (...words: string[]): Slug[] => words as Slug[];
