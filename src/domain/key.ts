/** API keys: issued and revoked as events, known by their hash alone. Stream: `key-<keyId>`. */
import { z } from "zod";
import type { At, Decider, Draft, EventOf } from "./decider.ts";
import { DomainError } from "./errors.ts";
import { type PartyId, partyId, type Slug, slug } from "./values.ts";

export const keyScope = z.enum(["record", "read", "personal", "arbitrate", "audit", "admin"]);
export type KeyScope = z.infer<typeof keyScope>;

export const keyEvents = {
  KeyIssued: z.strictObject({
    label: slug,
    scopes: z.array(keyScope).min(1).max(6),
    /** The person or account that the key speaks for, and for which alone. */
    party: partyId.optional(),
    secretHash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe("SHA-256 of the secret's 256 random bits; guessing them is out of reach, so no slow hash is needed."),
  }),
  KeyRevoked: z.strictObject({}),
};
export type KeyEvent = EventOf<typeof keyEvents>;
export type IssuedKey = { label: Slug; scopes: KeyScope[]; party?: PartyId; secretHash: string };
export type KeyCommand = ({ type: "IssueKey" } & IssuedKey & At) | ({ type: "RevokeKey" } & At);
export type KeyState = { status: "none" } | ({ status: "issued" | "revoked" } & IssuedKey);

export const key: Decider<KeyCommand, KeyEvent, KeyState> = { initialState: { status: "none" }, decide, evolve };

function decide(command: KeyCommand, state: KeyState): Draft<KeyEvent>[] {
  if (command.type === "RevokeKey") {
    if (state.status === "none") throw new DomainError("key-not-found");
    return state.status === "revoked" ? [] : [{ type: "KeyRevoked", data: {} }];
  }
  if (state.status !== "none") throw new DomainError("key-exists");
  const { label, scopes, party, secretHash } = command;
  return [{ type: "KeyIssued", data: { label, scopes, party, secretHash } }];
}

function evolve(state: KeyState, event: KeyEvent): KeyState {
  if (event.type === "KeyIssued") return { status: "issued", ...event.data };
  return state.status === "none" ? state : { ...state, status: "revoked" };
}
