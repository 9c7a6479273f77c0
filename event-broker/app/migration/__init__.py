"""From the predecessor's files to those that are read today: a plan to look at, then done.

Values that have a successor move there, those that have none stay as comments with the reason. What
only a person can decide is refused, and nothing is written.
"""

from .plan import MigratedFile, Migration, plan_migration
from .writing import write_migration

__all__ = ["MigratedFile", "Migration", "plan_migration", "write_migration"]
