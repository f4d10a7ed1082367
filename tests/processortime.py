"""How much time of the processor a piece of work takes, in tests of what shall take none."""

import time
from collections.abc import Callable


def processor_time(work: Callable[[], object]) -> float:
    """Return seconds of the processor, of three attempts the least.

    It is the time of the whole process: of threads that others left, and of the garbage collector.
    What the work itself needs is there in each attempt.
    """
    taken = []
    for _ in range(3):
        before = time.process_time()
        work()
        taken.append(time.process_time() - before)
    return min(taken)
