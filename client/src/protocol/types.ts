/** The one door through which the client knows the wire's types. */
export type * from "./provisional";
