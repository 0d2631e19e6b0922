/** The protocol version that this build speaks; `hello` and `welcome` carry it. A peer that names another one is told to upgrade. */
export const PROTOCOL_VERSION = 1;
