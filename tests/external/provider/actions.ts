import { reactAdminProvider, refineProvider } from "./provider.js";

const provider = reactAdminProvider("http://127.0.0.1");
await provider.promoteHero({ id: 1, data: { reason: "x", on: "2026-01-02", mood: "c" } });
await refineProvider("http://127.0.0.1").moveUpHero({ id: 1 });
