import { sqliteStoreContract } from "./support/sqlite-contract.ts";

sqliteStoreContract("sqlite");
