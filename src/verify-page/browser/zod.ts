/** Schemas are checked without making code from them: the page's policy allows none that it does not name. */
import { z } from "zod";

z.config({ jitless: true });
