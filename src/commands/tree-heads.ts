/** What the log says of its own tree heads: who has seen them, and by which key they are signed. */
import { z } from "zod";
import { anchor, type Anchored, anchorStream } from "../domain/anchor.ts";
import { DomainError } from "../domain/errors.ts";
import { type KeyRotation, ledgerRecord } from "../domain/ledger-record.ts";
import { addMs, dayMs, type Instant, instant, latest } from "../domain/values.ts";
import { derivedId } from "../ledger/ids.ts";
import type { CommandMeta, Handled } from "../ledger/ledger.ts";
import { type Acknowledged, defineCommand, type Desk, metaOf, noParams, requireUnbound } from "./command.ts";

/** Puts on record that a witness has seen a head. The same head and witness give the same event, on any node. */
export function recordAnchor({ ledger }: Desk, anchored: Anchored): Promise<Handled> {
  const { origin, size, witness } = anchored;
  const key = `${origin}\n${size}\n${witness}`;
  return ledger.handle(
    anchor,
    anchorStream(size),
    { type: "RecordAnchor", anchor: anchored, at: ledger.now() },
    {
      actor: { kind: "system", id: "witness" },
      correlation: derivedId("req", "anchor", key),
      identity: { scope: "witness", key, fingerprint: ledger.fingerprint(`anchor\n${key}`) },
    },
  );
}

/** Long enough for those who watch the log to be told of its new key. */
const bridgeDaysUsual = 30;
const bridgeDaysMax = 400;

export const rotateLogKey = defineCommand({
  name: "rotate-log-key",
  method: "POST",
  path: "/audit/rotate-key",
  tag: "Ledger",
  summary: "Give the log a new key",
  description:
    "Makes a new key in the keys folder and records `LogKeyRotated`, signed by the old key and the new. From that event on heads are signed by the new key, and by the old one too until `oldKeyUntil`; then the old one is destroyed. Tell your witnesses the new key, which `audit/key` shows first.",
  scope: "admin",
  params: noParams,
  body: z.strictObject({
    oldKeyUntil: instant
      .optional()
      .describe(
        `How long both keys sign: ${bridgeDaysUsual} days where absent, ${bridgeDaysMax} at most. An instant that has passed ends it at once.`,
      ),
  }),
  example: { oldKeyUntil: "2026-08-01T00:00:00.000Z" },
  refusals: ["log-not-signed", "log-key-rotated", "terms-invalid", "not-your-part"],
  waits: ["log-diverged", "tree-behind"],
  run(desk, request) {
    requireUnbound(request.caller);
    return rotateLogKeyAs(desk, request.body, metaOf("rotate-log-key", desk, { ...request, expectedRevision: undefined }));
  },
});

/** @param asked until when both keys sign. */
export async function rotateLogKeyAs(desk: Desk, asked: { oldKeyUntil?: Instant }, meta: CommandMeta): Promise<Acknowledged> {
  if (desk.auditLog === undefined) throw new DomainError("log-not-signed");
  const now = desk.ledger.now();
  const oldKeyUntil = latest(now, asked.oldKeyUntil ?? addMs(now, bridgeDaysUsual * dayMs));
  if (oldKeyUntil > addMs(now, bridgeDaysMax * dayMs))
    throw new DomainError("terms-invalid", `both keys sign for ${bridgeDaysMax} days at most`, "/oldKeyUntil");
  const rotation = (await desk.auditLog.prepareKeyRotation({ oldKeyUntil })) as KeyRotation;
  const handled = await desk.ledger.handle(ledgerRecord, "ledger", { type: "RotateLogKey", rotation, at: now }, meta);
  return { ...handled, id: "ledger" };
}
