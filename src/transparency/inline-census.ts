/** The census in this thread, counted when it is asked for: for ledgers in memory. */
import type { Log } from "../event-store/log.ts";
import type { CensusTaker } from "./census.ts";
import { CensusBook } from "./census-book.ts";
import { type CensusStore, openSqliteCensus } from "./sqlite-census.ts";

export function inlineCensus(log: Log, store: CensusStore = openSqliteCensus(":memory:")): CensusTaker {
  const book = new CensusBook(log, store);
  book.open();
  const countAll = () => {
    while (book.grow() > 0);
  };
  const take: CensusTaker["take"] = async (record) => {
    countAll();
    const recorded = await record(book.count());
    countAll();
    return recorded;
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    latest() {
      countAll();
      return store.latest();
    },
    proofOf(account) {
      countAll();
      return store.proofOf(account);
    },
    take(record) {
      const taking = last.then(() => take(record));
      last = taking.catch(() => undefined);
      return taking;
    },
  };
}
