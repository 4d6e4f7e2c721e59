"""Three endpoints of one team, each where its model runs best."""

import pulumi
from config import read
from ranking import RankingDeployment, RankingSettings
from scoring import ScoringFunction, ScoringSettings
from vision import VisionService, VisionSettings

config = pulumi.Config()

scoring = ScoringFunction("scoring", read(config, "scoring", ScoringSettings))
vision = VisionService("vision", read(config, "vision", VisionSettings))
ranking = RankingDeployment("ranking", read(config, "ranking", RankingSettings))

pulumi.export("urls", {"scoring": scoring.url, "vision": vision.url, "ranking": ranking.url})
