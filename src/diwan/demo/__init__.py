"""The demo: a node that is the article, in Kuwait on 24 January 2017; everything beyond the article is fictitious."""

from diwan.demo.begin import begin_demo
from diwan.demo.content import Account, Demo
from diwan.demo.ground import article_clock, demo_clock, is_demo, lay_out

__all__ = ["Account", "Demo", "article_clock", "begin_demo", "demo_clock", "is_demo", "lay_out"]
