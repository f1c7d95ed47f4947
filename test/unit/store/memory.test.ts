import { MemoryStore } from '../../../src/store/memory.ts';
import { describeStore } from '../../support/store-conformance.ts';

describeStore('memory', async () => new MemoryStore());
