/** The census as the edges see it: the last one on record, the line of each account in it, and the taking of the next. */
import type { CensusProof } from "../audit/census.ts";

/** What a census comes to. */
export type CensusCount = {
  /** Leaves counted, from the first of the log on. */
  treeSize: number;
  /** Accounts with events. */
  accounts: number;
  /** Over one line an account: 32 bytes. */
  root: Uint8Array;
};

/** A census that stands in the log as `CensusTaken`. */
export type RecordedCensus = CensusCount & {
  /** 1-based place of that event in the log. */
  position: number;
  /** Its id, whose receipt shows that it was recorded. */
  event: string;
};

/** Lines of the last census on record, as they were then, while counting goes on. */
export interface CensusReader {
  /**
   * The last census in the log; undefined where there is none.
   * @throws CensusBehindError before it is known: at the start, and while a lost file is counted anew.
   */
  latest(): RecordedCensus | undefined;

  /**
   * The account's line in the last census, its proof, and that census; undefined where there is none, and for an account that
   * had no event then. Checked before it is given.
   * @throws CensusBehindError as `latest`; AuditError proof-failed where what is stored was damaged.
   */
  proofOf(account: string): (CensusProof & { census: RecordedCensus }) | undefined;
}

export interface CensusTaker extends CensusReader {
  /**
   * Counts up to the end of the log, keeps the lines, and has the count put on record. One census after the other. When it
   * resolves, the lines can be read.
   *
   * @param record appends `CensusTaken` unless the log has this census, and says where it stands. It is given the last census
   *   on record where nothing but heads and censuses was appended since.
   * @throws CensusBehindError where counting takes longer than a caller would wait; what `record` throws.
   */
  take<Recorded extends { position: number }>(record: (count: CensusCount) => Promise<Recorded>): Promise<Recorded>;
}

/** The log is not counted that far; it may be shortly. */
export class CensusBehindError extends Error {
  constructor(counted: number) {
    super(`the log is being counted for the census, ${counted} events so far`);
    this.name = "CensusBehindError";
  }
}
