import type { DataProvider as ReactAdminProvider } from "ra-core";
import type { DataProvider as RefineProvider } from "@refinedev/core";
import { reactAdminProvider, refineProvider } from "./provider.js";

export const reactAdmin: ReactAdminProvider = reactAdminProvider("http://127.0.0.1");
export const refine: Required<RefineProvider> = refineProvider("http://127.0.0.1");
