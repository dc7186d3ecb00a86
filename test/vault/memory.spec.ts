import { openMemoryVault } from "../../src/vault/memory.ts";
import { vaultContract } from "../contract/vault.contract.ts";

vaultContract("in memory", openMemoryVault);
