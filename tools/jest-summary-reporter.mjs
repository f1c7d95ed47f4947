/**
 * Names every skipped test (the reason stands in its name, see test/support/skip.ts) and ends with one line that people and
 * scripts can rely on: `N passed, N failed`, with `, N skipped` if there are any. A file that does not even load counts as a
 * failure, and so does an interrupted run: neither may look green.
 */
export default class SummaryReporter {
  /** @param {import('@jest/reporters').AggregatedResult} results */
  onRunComplete(_contexts, results) {
    for (const file of results.testResults) {
      for (const test of file.testResults) {
        if (test.status === 'pending' || test.status === 'todo') {
          process.stdout.write(`SKIPPED ${test.fullName}\n`);
        }
      }
    }
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites + (results.wasInterrupted ? 1 : 0);
    const skipped = results.numPendingTests + results.numTodoTests;
    const tail = skipped > 0 ? `, ${skipped} skipped` : '';
    // At the very end, so that neither Jest's own summary nor a teardown comes after it.
    process.once('exit', () => process.stdout.write(`${results.numPassedTests} passed, ${failed} failed${tail}\n`));
  }
}
