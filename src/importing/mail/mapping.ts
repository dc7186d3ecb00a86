/** What a mapping of a mailbox may say. */
import { z } from "zod";
import { slug, timeZone } from "../../domain/values.ts";
import { addressBook, personRef } from "../address-book.ts";

export const mailMapping = z.strictObject({
  kind: z.literal("mail").optional(),
  source: slug.describe("Names the mailboxes: a message is known by this and its Message-ID."),
  timeZone: timeZone.optional().describe("Means nothing here, since a message names its zone: one file can serve calendars too."),
  ...addressBook,
  mailboxOf: personRef.optional().describe("Whose mailbox it is: takes part in what reached none of our addresses by name."),
  message: z.strictObject({
    kind: slug.prefault("email"),
    purpose: slug,
    channel: slug.prefault("email"),
    tags: z.array(slug).max(50).default([]),
    replyTag: slug.optional().describe("Tags what answers another message."),
  }),
  note: z.enum(["none", "subject"]).default("none").describe("`subject` keeps the subject as a sealed note."),
  automatic: z.enum(["skip", "take"]).default("skip").describe("Newsletters, lists and answers by machines."),
});
export type MailMapping = z.output<typeof mailMapping>;
