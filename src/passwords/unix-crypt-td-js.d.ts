declare module 'unix-crypt-td-js' {
  /** DES crypt(3). @param salt two characters @returns the salt and eleven characters */
  export default function crypt(password: Uint8Array | string, salt: string): string
}
