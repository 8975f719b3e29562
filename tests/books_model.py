"""The books in plain Python: the rules of packages, holds and ledger once more, to compare the database with."""

from __future__ import annotations

from dataclasses import dataclass, field

from clipferry.db.ledger import Balance
from clipferry.models import VideoStatus

HOUR = 3600
DAY = 24 * HOUR
FOREVER = float("inf")


@dataclass(eq=False)
class ModelPackage:
    """`seconds_left` until it expires."""

    initial: int
    seconds_left: float
    remaining: int
    frozen: int = 0
    came_back: bool = False
    """Whether it holds what was released from a package that had expired."""

    @property
    def is_lapsed(self) -> bool:
        return self.seconds_left <= 0


@dataclass
class ModelUser:
    packages: list[ModelPackage] = field(default_factory=list)
    """The entries in the order in which they came."""
    ledger: list[int] = field(default_factory=list)

    @property
    def live(self) -> list[ModelPackage]:
        used_up = (p for p in self.packages if p.remaining or p.frozen)
        return [p for p in used_up if not p.is_lapsed]

    @property
    def available(self) -> int:
        return sum(p.remaining for p in self.live)

    @property
    def doomed(self) -> list[ModelPackage]:
        return [p for p in self.packages if p.is_lapsed and p.remaining]

    def enter(self, amount: int, days: float) -> None:
        self.packages.append(ModelPackage(initial=amount, remaining=amount, seconds_left=days * DAY))
        self.ledger.append(amount)

    def take(self, amount: int) -> int:
        """Takes from the newest package on, as far as it goes."""
        wanted = amount
        for package in reversed(self.live):
            taken = min(wanted, package.remaining)
            package.remaining -= taken
            wanted -= taken
        if amount > wanted:
            self.ledger.append(wanted - amount)
        return amount - wanted

    def hold(self, price: int) -> list[tuple[ModelPackage, int]] | None:
        """The shares, taken from what expires first on; None when they don't suffice."""
        if self.available < price:
            return None
        shares = []
        for package in sorted(self.live, key=lambda p: p.seconds_left):
            taken = min(price, package.remaining)
            if taken:
                package.remaining -= taken
                package.frozen += taken
                price -= taken
                shares.append((package, taken))
        return shares

    def settle(self, shares: list[tuple[ModelPackage, int]]) -> None:
        for package, taken in shares:
            package.frozen -= taken
        self.ledger.append(-sum(taken for _, taken in shares))

    def release(self, shares: list[tuple[ModelPackage, int]]) -> None:
        """What an expired package gave lives until seven days after that expiry, once."""
        for package, taken in sorted(shares, key=lambda share: self.packages.index(share[0])):
            package.frozen -= taken
            left = package.seconds_left + 7 * DAY
            if package.is_lapsed and not package.came_back and left > 0:
                again = ModelPackage(initial=taken, remaining=taken, seconds_left=left, came_back=True)
                self.packages.append(again)
            else:
                package.remaining += taken

    def expire(self) -> int:
        doomed = self.doomed
        for package in doomed:
            self.ledger.append(-package.remaining)
            package.remaining = 0
        return len(doomed)

    def balance(self) -> Balance:
        return Balance(
            total=sum(p.initial for p in self.live),
            used=sum(p.initial - p.remaining - p.frozen for p in self.live),
            frozen=sum(p.frozen for p in self.packages),
            available=self.available,
            expiring_soon=sum(p.remaining for p in self.live if p.seconds_left <= 7 * DAY),
        )


@dataclass
class ModelVideo:
    user_id: str
    uuid: str
    shares: list[tuple[ModelPackage, int]]
    status: VideoStatus = VideoStatus.PENDING
