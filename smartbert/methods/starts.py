"""What new modules start from, where that is not chance."""

from smartbert.methods.contract import Start
from smartbert.model.encoder import Pretrained
from smartbert.model.heads import PoolerHead
from smartbert.model.modeling import AdaptiveBert


def start_poolers(model: AdaptiveBert, start: Start) -> None:
    """Give exits with a pooler of their own the backbone's pre-trained one, if it has one."""
    exits = [head for head in model.exits or () if isinstance(head, PoolerHead)]
    pooler = Pretrained(start.backbone, model.config.record).pooler() if exits else None
    for head in exits if pooler else ():
        head.pooler.load_state_dict(pooler or {})
