/** The headers that commands and queries take, and the tokens that they give. */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { ApiError } from "./problem.ts";

function malformed(name: string, reason: string): ApiError {
  const errors = [{ in: "header" as const, field: name, reason }];
  return new ApiError("header-invalid", `${name} ${reason}`, { errors });
}

const visibleAscii = /^[\x21-\x7e]{1,200}$/;

/** @throws ApiError `header-invalid`. */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const key = headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key !== "string" || !visibleAscii.test(key))
    throw malformed("Idempotency-Key", "must be 1 to 200 visible ASCII characters");
  return key;
}

const strongTag = /^"(0|[1-9][0-9]{0,14})"$/;

/** The revision that If-Match names; undefined where it is absent or `*`. @throws ApiError `header-invalid`. */
export function expectedRevisionOf(headers: IncomingHttpHeaders): number | undefined {
  const tag = headers["if-match"];
  if (tag === undefined || tag === "*") return undefined;
  const revision = strongTag.exec(tag)?.[1];
  if (revision === undefined) throw malformed("If-Match", 'must be one strong entity tag as we gave it, such as `"3"`, or `*`');
  return Number(revision);
}

export const entityTag = (revision: number): string => `"${revision}"`;

/** A place in the log as callers carry it around. Opaque: what it is made of may change. */
export const positionToken = (position: number): string => `p${position.toString(36)}`;

const tokenForm = /^p(0|[1-9a-z][0-9a-z]{0,9})$/;
export const positionIn = (token: string): number | undefined => {
  const digits = tokenForm.exec(token)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 36);
};

/** The position that a read waits for; 0 where none is named. @throws ApiError `header-invalid`. */
export function awaitedPositionOf(headers: IncomingHttpHeaders): number {
  const token = headers["troth-position"];
  if (token === undefined) return 0;
  const position = typeof token === "string" ? positionIn(token) : undefined;
  if (position === undefined) throw malformed("Troth-Position", "must be the Troth-Position of an earlier answer");
  return position;
}

/** UUIDs and trace ids only: the correlation stands in events for ever, and nothing personal fits into these. */
const correlationForm = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32})$/;

/** The caller's Troth-Correlation where it has that form, else one of our own. */
export function correlationOf({ headers }: Pick<IncomingMessage, "headers">): string {
  const given = headers["troth-correlation"];
  return typeof given === "string" && correlationForm.test(given) ? given : randomUUID();
}

/** Whether an Accept header asks for a media type by its name. */
export const asksFor = (headers: IncomingHttpHeaders, mediaType: string): boolean =>
  headers.accept?.split(",").some((range) => range.split(";", 1)[0]!.trim().toLowerCase() === mediaType) ?? false;
