/** Who calls, and whether they may. Keys are known by the hash of their secret; nobody learns which part of a key was wrong. */
import { hash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { Caller } from "../commands/command.ts";
import { key, type KeyScope, type KeyState } from "../domain/key.ts";
import type { KeyId } from "../domain/values.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { ApiError } from "./problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set once the key was accepted. */
    caller: Caller | undefined;
  }
}

/** 32 bytes in base64url are 43 characters; the id holds no underscore after its prefix. */
const bearer = /^Bearer troth_(key_[0-9a-hjkmnp-tv-z]{16,40})_([A-Za-z0-9_-]{43})$/;

const unauthorized = (): ApiError =>
  new ApiError("unauthorized", "Send `Authorization: Bearer` with a key that was issued here and not revoked.", {
    headers: { "www-authenticate": 'Bearer realm="troth"' },
  });

/** The hash that an unknown key is compared with, so that it takes as long to refuse as a known one. */
const nobodysHash = Buffer.alloc(32);

/** On a cluster a key may be revoked on any node; here it is of no use any longer after this, whatever happens. */
const keyFreshForMs = 1_000;

/** @throws ApiError `unauthorized`: the same for a key that is malformed, unknown, revoked, or whose secret is wrong. */
export async function authenticate(ledger: Ledger, request: FastifyRequest): Promise<Caller> {
  const [, id, secret] = bearer.exec(request.headers.authorization ?? "") ?? [];
  if (id === undefined || secret === undefined) throw unauthorized();
  const state = await ledger.refer(key, `key-${id}`, { freshForMs: keyFreshForMs });
  const given = hash("sha256", Buffer.from(secret, "base64url"), "buffer");
  const isRight = timingSafeEqual(given, state.status === "none" ? nobodysHash : Buffer.from(state.secretHash, "hex"));
  if (!isRight || state.status !== "issued") throw unauthorized();
  return callerOf(id as KeyId, state);
}

/**
 * A batch may go on for hours after its key was let in.
 * @throws ApiError `unauthorized` where the key was revoked since.
 */
export function requireUnrevoked(ledger: Ledger, caller: Caller): Promise<void> | undefined {
  const state = ledger.refer(key, `key-${caller.key}`, { freshForMs: keyFreshForMs });
  return state instanceof Promise ? state.then(refuseRevoked) : refuseRevoked(state);
}

function refuseRevoked({ status }: KeyState): undefined {
  if (status === "revoked") throw unauthorized();
}

/** The state of a key is one object until the key changes, so its caller is made once. */
const callers = new WeakMap<KeyState, Caller>();

function callerOf(id: KeyId, state: Exclude<KeyState, { status: "none" }>): Caller {
  const known = callers.get(state);
  if (known !== undefined) return known;
  const caller: Caller = { key: id, scopes: state.scopes, party: state.party };
  callers.set(state, caller);
  return caller;
}

/** @throws ApiError `scope-missing`. No scope implies another. */
export function requireScope({ scopes }: Caller, scope: KeyScope): void {
  if (!scopes.includes(scope)) throw new ApiError("scope-missing", `This key lacks the scope \`${scope}\`.`);
}

/** What concerns everybody's facts is not for a key that speaks for one party. @throws ApiError `key-bound`. */
export function requireUnboundKey({ party }: Caller): void {
  if (party !== undefined) throw keyBound(party);
}

export const keyBound = (party: string): ApiError =>
  new ApiError("key-bound", `This key speaks for ${party} alone and can't see this.`);
