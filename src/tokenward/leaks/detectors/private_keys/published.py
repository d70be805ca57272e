"""Key pairs whose private halves everybody can read, by the fingerprints of their public halves."""

from typing import Final

PUBLISHED: Final[dict[str, str]] = {
    "SHA256:1M4RzhMyWuFS/86uPY/ce2prh/dVTHW7iD2RhpquOZA": "Vagrant's insecure key (RSA)",
    "SHA256:WkvqjnyPAeC0cbPErYiGP9vqHdgL1MqqvPdIe3lvHgI": "Vagrant's insecure key (Ed25519)",
    "SHA256:qiiwAjWfuhHN1JXNFeKTeJoY1mxjEoGXN4kAd5N4mkM": "RFC 7517 A.2 (EC)",
    "SHA256:h+PAyXb3n4bqtmzZtsfJYZi/Ru2NzBNfXOe72fMggoU": "RFC 7517 A.2 (RSA)",
    "SHA256:LRJlx/2EuyoRAG0z/TuBm29ZcQJ/FfI1wvAy05pnnPY": "RFC 7517 C.1",
    "SHA256:AxvswuOyupbgtObEYsA4ZSr587fJsT9c/hN73LPOj2I": "RFC 7515 A.2",
    "SHA256:bS8oTA6hNH8G3HQdJojNniyC971QyV7eW7LFik+qmv4": "RFC 7515 A.3",
    "SHA256:pFBo2G8fOOpQHJKSwvoeAzza0TlHCD5SS5zSayAAZ7g": "RFC 7515 A.4",
    "SHA256:8SaV7raaMnHZjcKPVL2ahMPshfhBqGDNq05QkBDfr7o": "RFC 7516 A.1",
    "SHA256:EkmPsTFIvhZw5BJmQmCZNwNJVHOziM1rRx/hzHrYVso": "RFC 7516 A.2",
    "SHA256:5TrrifRUsTVbFrD9pCM8i16pToL77fdCHdmMDvYpXUA": "RFC 7520 §3.2",
    "SHA256:7ypg5HUY7dqikZxRiSWEfW+NRE8rl2DAt6ddtRm5sAk": "RFC 7520 §3.4",
    "SHA256:A/wnRbEMhPbac+PmyFg3i/BwOcKSe9lR2d9YepMIepc": "RFC 7520 §5.1",
    "SHA256:kGBrijI8mBfcJrN5DKkm7iZn6PtBbl72CkptSGgvpi0": "RFC 7520 §5.2",
    "SHA256:Xj34WmdSoHJd/QpbNo6lhcEwGdXqYJAcOJ5QfGXX0u4": "RFC 7520 §5.4",
    "SHA256:Bunowy4WBuuX+mQU3d0JvGBBZle3+aary7Dm9j4GOv4": "RFC 7520 §5.5",
    "SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8": "RFC 8037 A.1",
}
