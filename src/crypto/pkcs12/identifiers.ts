/** Object identifiers of PKCS#12 (RFC 7292), PKCS#5 (RFC 8018) and what they refer to. */

export const contentTypes = { data: '1.2.840.113549.1.7.1', encryptedData: '1.2.840.113549.1.7.6' } as const;

export const bagTypes = {
  key: '1.2.840.113549.1.12.10.1.1',
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  certificate: '1.2.840.113549.1.12.10.1.3',
} as const;

/** The only kind of certificate that anybody puts into a certificate bag. */
export const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';

export const attributes = {
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  /** Oracle's: without it, Java sees no trusted certificate in a PKCS#12 file, but passes it over. */
  trustedKeyUsage: '2.16.840.1.113894.746875.1.1',
} as const;

/** RFC 5280 §4.2.1.12: trusted for everything. */
export const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0';

export const digests = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const;

export type Digest = keyof typeof digests;

/** HMACs, as pseudo-random functions of PBKDF2 and as MACs of PBMAC1. */
export const hmacs: Readonly<Record<Digest, string>> = {
  sha1: '1.2.840.113549.2.7',
  sha256: '1.2.840.113549.2.9',
  sha384: '1.2.840.113549.2.10',
  sha512: '1.2.840.113549.2.11',
};

export const PBKDF2 = '1.2.840.113549.1.5.12';
export const PBES2 = '1.2.840.113549.1.5.13';
export const PBMAC1 = '1.2.840.113549.1.5.14';

/** Block ciphers of PBES2, in OpenSSL's words. */
export const ciphers = {
  'aes-128-cbc': '2.16.840.1.101.3.4.1.2',
  'aes-192-cbc': '2.16.840.1.101.3.4.1.22',
  'aes-256-cbc': '2.16.840.1.101.3.4.1.42',
  'des-ede3-cbc': '1.2.840.113549.3.7',
} as const;

export type Cipher = keyof typeof ciphers;

/** RFC 7292 appendix C: encryption under a key that the scheme of appendix B made. RC4 is left out: nobody writes it. */
export const legacySchemes = {
  tripleDes: '1.2.840.113549.1.12.1.3',
  twoKeyTripleDes: '1.2.840.113549.1.12.1.4',
  rc2With128Bits: '1.2.840.113549.1.12.1.5',
  rc2With40Bits: '1.2.840.113549.1.12.1.6',
} as const;

export type LegacyScheme = keyof typeof legacySchemes;
