// Parses the Mermaid text on standard input, and prints the kind of the diagram.
import { readFileSync } from "node:fs";
import mermaid from "mermaid";

console.log((await mermaid.parse(readFileSync(0, "utf8"))).diagramType);
