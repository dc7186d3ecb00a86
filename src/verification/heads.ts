/**
 * Tree heads that a log must stand by: the bundle's own, earlier ones that come with it, those that the auditor kept, and those of
 * receipts. Roots are compared as the tree grows; who signed them is looked at in the end, when the log has said by which keys it
 * was ever signed.
 */
import { equalBytes, toBase64 } from "../audit/encoding.ts";
import { AuditError } from "../audit/errors.ts";
import { type LogKey, keyForSize } from "../audit/key-rotation.ts";
import { openUnderPolicy, quorumOf } from "../audit/policy.ts";
import { parseNote } from "../audit/signed-note.ts";
import { type Cosignature, parseTreeHeadText, type TreeHead } from "../audit/tree-head.ts";
import { isSameKey, type VerifierKey } from "../audit/verifier-key.ts";
import { type Instant, instantAt } from "../domain/values.ts";
import { type Auditor, latestMsBy } from "./auditor.ts";
import { UnusableError } from "./bundle-format.ts";
import type { CheckName, Inquiry } from "./report.ts";

/** What a note says before anybody has looked at its signatures. */
export type ClaimedHead = TreeHead & { name: string; note: Uint8Array; check: CheckName };

export class Heads {
  readonly #inquiry: Inquiry;
  readonly #origin: string;
  readonly #claims: ClaimedHead[] = [];
  /** Still to be compared, the smallest last once the first leaf comes. */
  readonly #waiting: ClaimedHead[] = [];
  #isSorted = true;
  #nextSize = Infinity;

  constructor(inquiry: Inquiry, origin: string) {
    this.#inquiry = inquiry;
    this.#origin = origin;
  }

  /** Undefined, and told, for a note that holds no head of this log. */
  claim(name: string, note: Uint8Array, check: CheckName): ClaimedHead | undefined {
    try {
      return this.#claimed(name, note, check);
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      this.#inquiry.failed(check, `${name}: ${error.message}`, { file: name });
      return undefined;
    }
  }

  /**
   * The same of a note that the auditor brought along.
   * @throws UnusableError for what is no head at all: a slip of the auditor's says nothing about the log.
   */
  claimOwn(name: string, note: Uint8Array, check: CheckName): ClaimedHead | undefined {
    try {
      return this.#claimed(name, note, check);
    } catch (error) {
      if (error instanceof AuditError) throw new UnusableError(`${name} is no signed tree head: ${error.message}`);
      throw error;
    }
  }

  /** Undefined, and told, for a head of another log. @throws AuditError for what is none. */
  #claimed(name: string, note: Uint8Array, check: CheckName): ClaimedHead | undefined {
    const { origin, size, root } = parseTreeHeadText(parseNote(note).text);
    if (origin !== this.#origin) {
      this.#inquiry.failed(check, `${name} is a tree head of the log ${origin}, not of ${this.#origin}`, { file: name });
      return undefined;
    }
    const claim = { origin, size, root, name, note, check };
    this.#claims.push(claim);
    this.#waiting.push(claim);
    this.#isSorted = false;
    this.#nextSize = Math.min(this.#nextSize, size);
    return claim;
  }

  /** The tree has come to a size. @param root is asked for its root only where a head waits for it. */
  reached(size: number, root: () => Uint8Array): void {
    if (size !== this.#nextSize) return;
    if (!this.#isSorted) this.#waiting.sort((a, b) => b.size - a.size);
    this.#isSorted = true;
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
    return this.#waiting.splice(0).sort((a, b) => a.size - b.size);
  }

  /**
   * @param keys by which the log was ever signed, as far as that can be trusted, and from where on.
   * @param now by the auditor's own clock, where it is known.
   */
  async verifySignatures(
    { policy, now }: Pick<Auditor, "policy" | "now">,
    keys: readonly LogKey[],
    onTime: (timeMs: number, size: number) => void,
  ): Promise<void> {
    let witnessed: ClaimedHead | undefined;
    const logs = distinct(keys).map((key) => ({ key }));
    // The bundle's own last, so that it can be told which earlier head has what it lacks.
    for (const claim of this.#claims.toSorted((a, b) => Number(a.check === "head") - Number(b.check === "head"))) {
      const opened = await this.#opened(claim, { policy: { ...policy, logs }, now }, keys);
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
    { policy, now }: Pick<Auditor, "policy" | "now">,
    keys: readonly LogKey[],
  ): Promise<{ cosignatures: Cosignature[]; isMet: boolean } | undefined> {
    try {
      const { treeHead } = await openUnderPolicy(note, policy);
      const own = keyForSize(keys, size);
      // Whoever kept an old key must not go on signing with it.
      if (
        own !== undefined &&
        keys.some(({ above }) => above >= 0) &&
        !treeHead.signatures.some(({ key }) => isSameKey(key, own))
      )
        this.#inquiry.failed(check, `${name} is not signed by the key that the log had at ${size} leaves`, { file: name });
      const cosignatures = treeHead.cosignatures.filter((one) => !this.#isToCome(one, name, now));
      return { cosignatures, isMet: quorumOf(policy, cosignatures).met };
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      this.#inquiry.failed(check, `${name}: ${error.message}`, { file: name });
      return undefined;
    }
  }

  /** Nobody has seen a head tomorrow: a witness that says so has a clock, or an owner, that can't be relied on. */
  #isToCome({ key, time }: Cosignature, name: string, now: Instant | undefined): boolean {
    const latestMs = latestMsBy({ now });
    if (latestMs === undefined || time * 1_000 <= latestMs) return false;
    this.#inquiry.note(
      "anchor",
      `${key.name} says that it saw ${name} at ${instantAt(time * 1_000)}, and your clock shows ${now}: its cosignature was not counted`,
    );
    return true;
  }

  #quorumUnmet(names: readonly string[], witnessed: ClaimedHead | undefined): void {
    const seen =
      names.length === 0 ? "no witness that you trust has" : `only ${names.join(", ")} ${names.length === 1 ? "has" : "have"}`;
    const earlier = witnessed === undefined ? "" : `; it is met by ${witnessed.name}, of ${witnessed.size} leaves`;
    this.#inquiry.unmet("head", `the quorum of your policy is not met: ${seen} cosigned this tree head${earlier}`);
  }
}

const distinct = (keys: readonly LogKey[]): VerifierKey[] =>
  keys.map(({ key }) => key).filter((key, at, all) => all.findIndex((one) => isSameKey(one, key)) === at);

const contradiction = ({ name, size, root, check }: ClaimedHead): string =>
  check === "head"
    ? `the leaves do not give the root ${toBase64(root)} that was signed`
    : `${name} says that the first ${size} leaves have the root ${toBase64(root)}, and they have another: history was changed`;
