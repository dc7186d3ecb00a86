/** What a mapping of a calendar may say. */
import { z } from "zod";
import { slug, timeZone } from "../../domain/values.ts";
import { accountRef, addressBook, personRef } from "../address-book.ts";

const traits = {
  kind: slug.optional(),
  purpose: slug.optional(),
  channel: slug.optional(),
  tags: z.array(slug).max(50).optional(),
};

const rule = z.strictObject({
  ...traits,
  account: accountRef.optional().describe("The account that it is about, where nobody of it is invited."),
  skip: z.literal(true).optional().describe("Leaves the event out."),
});
export type Rule = z.output<typeof rule>;

export const calendarMapping = z.strictObject({
  kind: z.literal("calendar").optional(),
  source: slug.describe("Names the calendar: what it tells of is known by this and the UID."),
  timeZone: timeZone.optional().describe("Where whole days and times without a zone are meant; the calendar's own where absent."),
  timeZones: z.record(z.string(), timeZone).default({}).describe("IANA zones for names that nobody else explains."),
  encoding: z.enum(["utf-8", "utf-16le", "utf-16be", "windows-1252", "iso-8859-15"]).optional(),
  ...addressBook,
  calendarOf: personRef.optional().describe("Whose calendar it is: takes part in all of it."),
  event: z.strictObject({
    kind: slug.prefault("meeting"),
    purpose: slug,
    channel: slug.optional(),
    tags: z.array(slug).max(50).default([]),
    direction: z
      .enum(["inbound", "outbound", "mutual"])
      .optional()
      .describe("Where absent: outbound where one of ours invited, inbound where one of theirs did."),
  }),
  categories: z.record(z.string(), rule).default({}).describe("What a category of the calendar changes."),
  words: z.record(z.string(), rule).default({}).describe("What a word in the title changes."),
  note: z.enum(["none", "title"]).default("none").describe("`title` keeps the event's title as a sealed note."),
  privateEvents: z.enum(["skip", "take"]).default("skip"),
  tentative: z.enum(["skip", "take"]).default("skip"),
});
export type CalendarMapping = z.output<typeof calendarMapping>;
