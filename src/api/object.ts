import { z } from 'zod';
import { cel, dateTime, matching, rules, stringMap, text } from './schema.ts';

/**
 * What resources that declare an object in a vault have in common (VaultSecret, VaultCertificate).
 */

/** Key Vault's rule for names of objects; compared in lower case everywhere (decision 34). */
const objectNamePattern = /^[0-9a-zA-Z-]{1,127}$/;

export function objectName() {
  return matching(objectNamePattern, 127, "must be the name of an object in a vault: 1 to 127 letters, digits and '-', no patterns");
}

/** Fields that say which object, and what happens when it is already there or this resource goes. */
export const objectFields = {
  objectName: objectName().optional()
    .describe("Name of the object in the vault: letters, digits and '-'; upper and lower case are the same. Default: the name of this resource. It cannot be changed."),
  createMode: z.enum(['Default', 'Recover']).default('Default')
    .describe('Recover takes a soft-deleted object of this name back if there is one, else creates; it acts once. Setting it needs the verb grant on the vault.'),
  adopt: z.boolean().default(false)
    .describe('Takes over an object that another resource declared or nobody declares. Without it, such an object is a Conflict and is not touched. Setting it needs the verb grant on the vault.'),
  deletionPolicy: z.enum(['Delete', 'Retain']).default('Delete')
    .describe('What happens to the object in the vault when this resource is deleted: Delete is a soft delete, which can be recovered; Retain keeps it.'),
  tags: rules(stringMap(15, 256), cel('self.all(k, size(k) >= 1 && size(k) <= 256)', 'names of tags have 1 to 256 characters'))
    .describe('Tags of the object, as in Key Vault: not secret, whoever may list objects reads them.').optional(),
};

export const attributes = rules(
  z.object({
    enabled: z.boolean().default(true).describe('A disabled object answers nobody; its target is left as it is.'),
    notBefore: dateTime('Not to be used before; informational for secrets, as in Key Vault.').optional(),
    expires: dateTime('Not to be used after; informational for secrets, as in Key Vault.').optional(),
  }),
  cel('!has(self.notBefore) || !has(self.expires) || self.notBefore < self.expires', 'expires must be later than notBefore', '.expires'),
).describe('Attributes of the object.');

/** Rules on the whole resource: the default of objectName is the resource's name, which may hold dots. */
export const objectNameRules = [
  cel(`has(self.spec.objectName) || self.metadata.name.matches(r'${objectNamePattern.source}')`,
    "names of objects in a vault have only letters, digits and '-' (1 to 127): set spec.objectName, or rename the resource", '.metadata.name'),
];

/** Rules on `spec`, where they also see the field being removed. */
export const objectSpecRules = [
  cel('has(self.objectName) == has(oldSelf.objectName) && (!has(self.objectName) || self.objectName == oldSelf.objectName)',
    'objectName cannot be changed: delete this resource and create one for the other name'),
];

export const contentType = text(255).optional().describe('A hint for readers, such as application/json; at most 255 characters.');
