import { en, type Strings } from "./en";

/** The catalogue in use. A second language is chosen here, once, at start. */
export const strings: Strings = en;
