/**
 * The census: counting a log account by account against a bare scan with JSON.parse and SHA-256 of every leaf; taking one, which
 * hashes and stores a line an account, against bare hashing of the same lines; the proof of one account; file and memory.
 *
 * node bench/census.bench.ts [--tiny] [--json | --markdown] [--accounts <count>] [--events <of each account>] [--rounds <count>]
 */
import { censusFiguresOf, measureCensus } from "./measures/census.ts";
import { flagsOf, tell } from "./measuring.ts";

const { accounts, events, rounds } = flagsOf({ accounts: [100_000, 300], events: [5, 3], rounds: [5, 1] });
tell("Census", { accounts, events, rounds }, censusFiguresOf(await measureCensus(accounts, events, rounds)));
