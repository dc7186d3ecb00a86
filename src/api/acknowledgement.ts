/** What an accepted command is answered with, alone and in a batch. */
import { z } from "zod";
import type { Acknowledged } from "../commands/command.ts";
import { eventId, instant } from "../domain/values.ts";

export const acknowledgement = z.strictObject({
  id: z.string().describe("Of what the command was about."),
  ids: z
    .record(z.string(), z.array(z.string()))
    .optional()
    .describe("Further ids that the command made, such as those of an agreement's promises."),
  stream: z.string().describe("The stream that holds it."),
  revision: z.int().min(0).describe("Of the stream's last event; send it back in If-Match."),
  position: z.int().min(0).describe("In the whole log, of the last event that the command added."),
  events: z
    .array(
      z.strictObject({
        id: eventId,
        type: z.string(),
        position: z.int().min(1),
        recordedAt: instant.describe("When the ledger took it."),
      }),
    )
    .describe("What the command added, now or when it was first sent. Empty where it changed nothing."),
  replayed: z.boolean().describe("The request had been answered before; nothing was added now."),
  secret: z.string().optional().describe("Of a new key. Shown this once."),
});
export type Acknowledgement = z.infer<typeof acknowledgement>;

export const acknowledgementOf = (acknowledged: Acknowledged & { secret?: string }): Acknowledgement => ({
  id: acknowledged.id,
  ids: acknowledged.ids,
  stream: acknowledged.stream,
  revision: acknowledged.revision,
  position: acknowledged.position,
  events: acknowledged.events,
  replayed: acknowledged.isReplay,
  secret: acknowledged.secret,
});

/** 201 for something new, 200 for a replay or where nothing changed. */
export const statusOf = (creates: boolean | undefined, { isReplay, events }: Acknowledged): 200 | 201 =>
  creates && !isReplay && events.length > 0 ? 201 : 200;
