/**
 * Tree heads that a log must stand by: the bundle's own, earlier ones that come with it, those that the auditor kept, and those of
 * receipts. Roots are compared as the tree grows; who signed them is looked at in the end, when the log has said by which keys it
 * was ever signed.
 */
import { equalBytes, toBase64 } from "../audit/encoding.ts";
import { AuditError } from "../audit/errors.ts";
import { type LogKey, keyForSize } from "../audit/key-rotation.ts";
import { openUnderPolicy, type Policy } from "../audit/policy.ts";
import { parseNote } from "../audit/signed-note.ts";
import { type Cosignature, parseTreeHeadText, type TreeHead } from "../audit/tree-head.ts";
import { isSameKey, type VerifierKey } from "../audit/verifier-key.ts";
import type { CheckName, Inquiry } from "./report.ts";

/** What a note says before anybody has looked at its signatures. */
export type ClaimedHead = TreeHead & { name: string; note: Uint8Array; check: CheckName };

export class Heads {
  readonly #inquiry: Inquiry;
  readonly #origin: string;
  readonly #claims: ClaimedHead[] = [];
  /** Still to be compared, the smallest last. */
  #waiting: ClaimedHead[] = [];
  #nextSize = Infinity;

  constructor(inquiry: Inquiry, origin: string) {
    this.#inquiry = inquiry;
    this.#origin = origin;
  }

  /** Undefined, and told, for a note that holds no head of this log. */
  claim(name: string, note: Uint8Array, check: CheckName): ClaimedHead | undefined {
    const head = this.#parsed(name, note, check);
    if (head === undefined) return undefined;
    const claim = { ...head, name, note, check };
    this.#claims.push(claim);
    this.#waiting = [...this.#waiting, claim].sort((a, b) => b.size - a.size);
    this.#nextSize = this.#waiting.at(-1)!.size;
    return claim;
  }

  /** The tree has come to a size. @param root is asked for its root only where a head waits for it. */
  reached(size: number, root: () => Uint8Array): void {
    while (size === this.#nextSize) {
      const claim = this.#waiting.pop()!;
      this.#nextSize = this.#waiting.at(-1)?.size ?? Infinity;
      this.#inquiry.checked(claim.check);
      if (!equalBytes(claim.root, root())) this.#inquiry.failed(claim.check, contradiction(claim));
    }
  }

  /** The bundle holds no more than `size` leaves. */
  end(size: number): void {
    for (const claim of this.#waiting.splice(0)) {
      const { check, name } = claim;
      this.#inquiry.failed(
        check,
        `${name} is a tree head of ${claim.size} leaves, and the bundle ends at ${size}: the log was cut short, or the bundle is older`,
      );
    }
    this.#nextSize = Infinity;
  }

  /** Heads that can't be held against the bundle are taken out. @returns them. */
  takeWaiting(): ClaimedHead[] {
    this.#nextSize = Infinity;
    return this.#waiting.splice(0).reverse();
  }

  /** @param keys by which the log was ever signed, as far as that can be trusted, and from where on. */
  async verifySignatures(policy: Policy, keys: readonly LogKey[], onTime: (timeMs: number, size: number) => void): Promise<void> {
    let witnessed: ClaimedHead | undefined;
    // The bundle's own last, so that it can be told which earlier head has what it lacks.
    for (const claim of this.#claims.toSorted((a, b) => Number(a.check === "head") - Number(b.check === "head"))) {
      const opened = await this.#opened(claim, policy, keys);
      if (opened === undefined) continue;
      const { cosignatures, isMet } = opened;
      for (const { time } of cosignatures) onTime(time * 1_000, claim.size);
      if (claim.check !== "head") {
        if (isMet && policy.quorum !== "none" && claim.size > (witnessed?.size ?? 0)) witnessed = claim;
        continue;
      }
      if (!isMet)
        this.#quorumUnmet(
          cosignatures.map(({ key }) => key.name),
          witnessed,
        );
    }
  }

  async #opened(
    { name, check, note, size }: ClaimedHead,
    policy: Policy,
    keys: readonly LogKey[],
  ): Promise<{ cosignatures: Cosignature[]; isMet: boolean } | undefined> {
    try {
      const { treeHead, quorum } = await openUnderPolicy(note, { ...policy, logs: distinct(keys).map((key) => ({ key })) });
      const own = keyForSize(keys, size);
      // Whoever kept an old key must not go on signing with it.
      if (
        own !== undefined &&
        keys.some(({ above }) => above >= 0) &&
        !treeHead.signatures.some(({ key }) => isSameKey(key, own))
      )
        this.#inquiry.failed(check, `${name} is not signed by the key that the log had at ${size} leaves`, { file: name });
      return { cosignatures: treeHead.cosignatures, isMet: quorum.met };
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      this.#inquiry.failed(check, `${name}: ${error.message}`, { file: name });
      return undefined;
    }
  }

  #quorumUnmet(names: readonly string[], witnessed: ClaimedHead | undefined): void {
    const seen =
      names.length === 0 ? "no witness that you trust has" : `only ${names.join(", ")} ${names.length === 1 ? "has" : "have"}`;
    const earlier = witnessed === undefined ? "" : `; it is met by ${witnessed.name}, of ${witnessed.size} leaves`;
    this.#inquiry.unmet("head", `the quorum of your policy is not met: ${seen} cosigned this tree head${earlier}`);
  }

  #parsed(name: string, note: Uint8Array, check: CheckName): TreeHead | undefined {
    try {
      const { origin, size, root } = parseTreeHeadText(parseNote(note).text);
      if (origin === this.#origin) return { origin, size, root };
      this.#inquiry.failed(check, `${name} is a tree head of the log ${origin}, not of ${this.#origin}`, { file: name });
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      this.#inquiry.failed(check, `${name}: ${error.message}`, { file: name });
    }
    return undefined;
  }
}

const distinct = (keys: readonly LogKey[]): VerifierKey[] =>
  keys.map(({ key }) => key).filter((key, at, all) => all.findIndex((one) => isSameKey(one, key)) === at);

const contradiction = ({ name, size, root, check }: ClaimedHead): string =>
  check === "head"
    ? `the leaves do not give the root ${toBase64(root)} that was signed`
    : `${name} says that the first ${size} leaves have the root ${toBase64(root)}, and they have another: history was changed`;
