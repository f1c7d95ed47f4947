/**
 * What may stand in a certificate, before anybody signs it. The custom resource's schema refuses most of what is wrong at
 * admission; here it is checked again, and in full, since requests also come from the data plane and from records.
 */
import { KeysteadError } from '../../api/error.ts';
import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import type { Usage } from '../../api/x509-request.ts';
import { parseKeyAlgorithm, type KeyAlgorithm } from '../keys.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import { normalizeNameConstraints, type NameConstraints } from './name-constraints.ts';
import { countNames, normalizeSubjectAltNames, type SubjectAltNameFields, type SubjectAltNames } from './names.ts';
import { subjectOf, type SubjectFields } from './subject.ts';
import { keyPurposes, type KeyPurposes } from './usages.ts';

/** What somebody asks of a certificate, in the words of the resource. */
export interface CertificateRequest extends SubjectAltNameFields {
  readonly subject?: SubjectFields | undefined;
  /** The subject as an RFC 4514 string, instead of `subject`. */
  readonly literalSubject?: string | undefined;
  /** Nothing given: see `keyPurposes`. */
  readonly usages?: readonly Usage[] | undefined;
  readonly isCA?: boolean | undefined;
  /** How many CAs may stand between this one and a leaf. Only with isCA. */
  readonly pathLength?: number | undefined;
  /** Only with isCA. */
  readonly nameConstraints?: NameConstraints | undefined;
  readonly keyAlgorithm: KeyAlgorithm;
  readonly durationMs?: number | undefined;
}

/** What a VaultCertificate asks for. */
export function requestFromSpec(spec: RequestFieldsOfSpec, durationMs: number): CertificateRequest {
  return {
    subject: { ...spec.subject, commonName: spec.commonName },
    literalSubject: spec.literalSubject,
    dnsNames: spec.dnsNames,
    ipAddresses: spec.ipAddresses,
    uris: spec.uris,
    emailAddresses: spec.emailAddresses,
    otherNames: spec.otherNames,
    usages: spec.usages,
    isCA: spec.isCA,
    pathLength: spec.ca?.pathLength,
    nameConstraints: spec.ca?.nameConstraints,
    keyAlgorithm: parseKeyAlgorithm(spec.privateKey),
    durationMs,
  };
}

type RequestFieldsOfSpec = Pick<
  VaultCertificateSpec,
  'commonName' | 'subject' | 'literalSubject' | 'dnsNames' | 'ipAddresses' | 'uris' | 'emailAddresses' | 'otherNames' | 'usages' | 'isCA' | 'ca' | 'privateKey'
>;

/** The same, checked and in canonical form: what goes into the certificate. */
export interface CertificateProfile {
  readonly subject: DistinguishedName;
  readonly sans: SubjectAltNames;
  readonly purposes: KeyPurposes;
  readonly isCA: boolean;
  readonly pathLength: number | undefined;
  readonly nameConstraints: NameConstraints | undefined;
}

const LONGEST_PATH = 20;

/** Checks a request and brings it into canonical form. @throws KeysteadError with the reason of the first fault */
export function profileOf(request: CertificateRequest): CertificateProfile {
  const isCA = request.isCA ?? false;
  const subject = subjectOf(request.subject, request.literalSubject);
  const sans = normalizeSubjectAltNames(request);
  checkAuthorityFields(request, isCA);
  if (isCA && subject.length === 0) {
    throw new KeysteadError('InvalidSubject', 'A CA certificate needs a subject (RFC 5280 §4.1.2.6). Set subject.commonName.', 'stalled');
  }
  if (subject.length === 0 && countNames(sans) === 0) {
    throw new KeysteadError('InvalidSubject', 'The certificate has neither a subject nor an alternative name. Set dnsNames, or subject.commonName.', 'stalled');
  }
  return {
    subject,
    sans,
    purposes: keyPurposes(request.usages, isCA, request.keyAlgorithm),
    isCA,
    pathLength: request.pathLength,
    nameConstraints: normalizeNameConstraints(request.nameConstraints),
  };
}

function checkAuthorityFields({ pathLength, nameConstraints }: CertificateRequest, isCA: boolean): void {
  if (!isCA && (pathLength !== undefined || nameConstraints !== undefined)) {
    throw new KeysteadError('InvalidCertificateRequest', 'pathLength and nameConstraints need isCA: true; a leaf has neither (RFC 5280 §4.2.1.9).', 'stalled');
  }
  if (pathLength !== undefined && (!Number.isInteger(pathLength) || pathLength < 0 || pathLength > LONGEST_PATH)) {
    throw new KeysteadError('InvalidCertificateRequest', `pathLength is a whole number from 0 to ${LONGEST_PATH}.`, 'stalled');
  }
}

/** Checks a request as issuing would, without issuing. @throws KeysteadError with the reason of the first fault */
export function checkCertificateRequest(request: CertificateRequest): void {
  profileOf(request);
}
