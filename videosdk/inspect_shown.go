package videosdk

func (in *inspection) shown() {}
